//! What was found, as tables or as JSON.

use std::fmt::{Display, Formatter, Result};

use anyhow::Context as _;
use serde::Serialize;

use crate::args::Effort;
use crate::isolated::report as isolated;
use crate::limits::Limits;
use crate::python::report as python;
use crate::websockets::report as websockets;

/// Everything that was measured. What was not asked for is empty.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    effort: Effort,
    pub(crate) requests: Vec<RequestRow>,
    pub(crate) limits: Option<Limits>,
    pub(crate) encrypted: Vec<RequestRow>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) instances: Vec<InstanceRow>,
    pub(crate) memory: Vec<MemoryRow>,
    pub(crate) neighbours: Option<Neighbours>,
    pub(crate) python: Option<python::Report>,
    pub(crate) isolated: Option<isolated::Report>,
    pub(crate) websockets: Option<websockets::Report>,
}

/// Where it was measured.
#[derive(Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    /// Load average of the last minute, before and after: work of others makes every number worse.
    load_before: f64,
    load_after: f64,
}

/// Hello on one server; medians over the rounds.
#[derive(Serialize)]
pub(crate) struct RequestRow {
    pub(crate) connections: usize,
    pub(crate) server: String,
    pub(crate) cpu_us: f64,
    /// To hyper's CPU in the same round.
    pub(crate) ratio: f64,
    pub(crate) ratio_min: f64,
    pub(crate) ratio_max: f64,
    pub(crate) at_most: Option<f64>,
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// 100 MiB in one direction; medians over the rounds. Ratios are to hyper in the same round.
#[derive(Serialize)]
pub(crate) struct TransferRow {
    pub(crate) direction: &'static str,
    pub(crate) server: String,
    pub(crate) mb_per_s: f64,
    pub(crate) rate_ratio: f64,
    pub(crate) cpu_s_per_gb: f64,
    pub(crate) cpu_ratio: f64,
}

/// The start of instances.
#[derive(Serialize)]
pub(crate) struct InstanceRow {
    pub(crate) guest: &'static str,
    /// Instantiating and dropping, without `run`.
    pub(crate) instantiate_us: f64,
    pub(crate) start_us: f64,
    pub(crate) start_p99_us: f64,
    pub(crate) drop_us: f64,
    pub(crate) request_us: f64,
    pub(crate) request_p99_us: f64,
    pub(crate) requests_per_s: f64,
}

/// KiB for each further instance.
#[derive(Serialize)]
pub(crate) struct MemoryRow {
    pub(crate) guest: &'static str,
    pub(crate) instances: u32,
    pub(crate) rss_kib: f64,
    pub(crate) pss_kib: f64,
    pub(crate) tables_kib: f64,
    pub(crate) process_rss_kib: u64,
}

/// What quiet apps feel of those that attack.
#[derive(Serialize)]
pub(crate) struct Neighbours {
    /// Quiet ones.
    pub(crate) apps: usize,
    /// Requests per second to them together.
    pub(crate) rate: u32,
    /// Without an attack.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) attacks: Vec<AttackRow>,
    pub(crate) hog: HogRow,
}

/// One kind of attack.
#[derive(Serialize)]
pub(crate) struct AttackRow {
    pub(crate) attack: &'static str,
    pub(crate) attackers: usize,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// To p99 without an attack right before; the median over the rounds.
    pub(crate) ratio: f64,
    pub(crate) at_most: Option<f64>,
    /// The most that the process had more than before, as a share of what each attacker may have.
    pub(crate) grown_share: f64,
}

/// How long after its budget of CPU a spinning app's client has its answer.
#[derive(Serialize)]
pub(crate) struct HogRow {
    pub(crate) budget_ms: f64,
    pub(crate) late_ms: f64,
    pub(crate) late_max_ms: f64,
}

impl Report {
    pub(crate) fn new(machine: Machine, effort: &Effort) -> Self {
        Self {
            machine,
            effort: *effort,
            requests: Vec::new(),
            limits: None,
            encrypted: Vec::new(),
            transfers: Vec::new(),
            instances: Vec::new(),
            memory: Vec::new(),
            neighbours: None,
            python: None,
            isolated: None,
            websockets: None,
        }
    }
}

impl Machine {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let processors = std::fs::read_to_string("/proc/cpuinfo")?;
        let name = processors.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        let load = load_average()?;
        Ok(Self {
            processor: name.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load,
            load_after: load,
        })
    }

    /// Looks at the load again.
    pub(crate) fn ended(&mut self) -> anyhow::Result<()> {
        self.load_after = load_average()?;
        Ok(())
    }
}

fn load_average() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text
        .split_whitespace()
        .next()
        .context("no load average")?
        .parse()?)
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = |at: usize| values.get(at).copied().unwrap_or_default();
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(middle(half.saturating_sub(1)), middle(half))
    } else {
        middle(half)
    }
}

/// The middle of a number that was measured often, and what half of its values lie between.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Quartiles {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Quartiles {
    /// Of these; the lower is the median of the lower half, without the middle one.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        Self {
            lower: median(values.iter().take(half.max(1)).copied()),
            median: median(values.iter().copied()),
            upper: median(values.iter().rev().take(half.max(1)).copied()),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (machine, effort) = (&self.machine, &self.effort);
        writeln!(
            f,
            "{} cores of {}; load {:.1} before, {:.1} after; {} rounds of {:?}.",
            machine.cores,
            machine.processor,
            machine.load_before,
            machine.load_after,
            effort.rounds,
            effort.measured,
        )?;
        if !self.requests.is_empty() {
            head(f, REQUESTS)?;
            self.requests
                .iter()
                .try_for_each(|row| writeln!(f, "{row}"))?;
        }
        if let Some(limits) = &self.limits {
            write!(f, "{limits}")?;
        }
        if !self.encrypted.is_empty() {
            head(
                f,
                Table("The same over TLS and over HTTP/2", REQUESTS.1, REQUESTS.2),
            )?;
            self.encrypted
                .iter()
                .try_for_each(|row| writeln!(f, "{row}"))?;
        }
        if !self.transfers.is_empty() {
            head(f, TRANSFERS)?;
            self.transfers
                .iter()
                .try_for_each(|row| writeln!(f, "{row}"))?;
        }
        if !self.instances.is_empty() {
            head(f, INSTANCES)?;
            self.instances
                .iter()
                .try_for_each(|row| writeln!(f, "{row}"))?;
        }
        if !self.memory.is_empty() {
            head(f, MEMORY)?;
            self.memory
                .iter()
                .try_for_each(|row| writeln!(f, "{row}"))?;
        }
        if let Some(neighbours) = &self.neighbours {
            write!(f, "{neighbours}")?;
        }
        if let Some(python) = &self.python {
            write!(f, "{python}")?;
        }
        if let Some(isolated) = &self.isolated {
            write!(f, "{isolated}")?;
        }
        if let Some(websockets) = &self.websockets {
            write!(f, "{websockets}")?;
        }
        Ok(())
    }
}

/// A table's title and the names of its columns; all but the first `left` hold numbers.
pub(crate) struct Table(
    pub(crate) &'static str,
    pub(crate) &'static [&'static str],
    pub(crate) usize,
);

const REQUESTS: Table = Table(
    "Requests: `Hello, world!` to a browser's headers",
    &[
        "connections",
        "server",
        "CPU µs/request",
        "× hyper",
        "from–to",
        "at most",
        "requests/s",
        "p50 µs",
        "p99 µs",
    ],
    2,
);
const TRANSFERS: Table = Table(
    "Transfers: 100 MiB on one connection",
    &[
        "direction",
        "server",
        "MB/s",
        "× hyper",
        "CPU s/GB",
        "× hyper",
    ],
    2,
);
const INSTANCES: Table = Table(
    "Instances: in one process, on one thread, without sockets",
    &[
        "guest",
        "instantiate and drop µs",
        "start µs",
        "p99 µs",
        "drop µs",
        "fresh instance per request µs",
        "p99 µs",
        "per second",
    ],
    1,
);
const MEMORY: Table = Table(
    "Memory: KiB for each idle instance after its lifespan start-up, beyond the first",
    &[
        "guest",
        "instances",
        "RSS",
        "PSS",
        "page tables",
        "in a GiB",
        "RSS of the process with one",
    ],
    2,
);

const NEIGHBOURS: Table = Table(
    "Neighbours: what quiet apps feel of attackers in the same process",
    &[
        "attack",
        "attackers",
        "p50 µs",
        "p99 µs",
        "× without",
        "at most",
        "memory grown, × what they may have",
    ],
    1,
);

/// Writes its head.
pub(crate) fn head(f: &mut Formatter<'_>, Table(title, columns, left): Table) -> Result {
    writeln!(f, "\n### {title}\n\n| {} |", columns.join(" | "))?;
    let ruler = (0..columns.len()).map(|at| if at < left { "---" } else { "---:" });
    writeln!(f, "| {} |", ruler.collect::<Vec<_>>().join(" | "))
}

/// The cell of a bound, empty where there is none.
fn bound(most: Option<f64>) -> String {
    most.map_or_else(String::new, |most| format!("{most:.1}"))
}

impl Display for RequestRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let at_most = bound(self.at_most);
        write!(
            f,
            "| {} | {} | {:.2} | {:.2} | {:.2}–{:.2} | {at_most} | {:.0} | {:.0} | {:.0} |",
            self.connections,
            self.server,
            self.cpu_us,
            self.ratio,
            self.ratio_min,
            self.ratio_max,
            self.rate,
            self.p50_us,
            self.p99_us,
        )
    }
}

impl Display for TransferRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {} | {:.0} | {:.2} | {:.3} | {:.2} |",
            self.direction,
            self.server,
            self.mb_per_s,
            self.rate_ratio,
            self.cpu_s_per_gb,
            self.cpu_ratio,
        )
    }
}

impl Display for InstanceRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            self.guest,
            self.instantiate_us,
            self.start_us,
            self.start_p99_us,
            self.drop_us,
            self.request_us,
            self.request_p99_us,
            self.requests_per_s,
        )
    }
}

impl Display for MemoryRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "| {} | {} | {:.0} | {:.0} | {:.1} | {:.0} | {} |",
            self.guest,
            self.instances,
            self.rss_kib,
            self.pss_kib,
            self.tables_kib,
            1024.0 * 1024.0 / (self.pss_kib + self.tables_kib),
            self.process_rss_kib,
        )
    }
}

impl Display for Neighbours {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        head(f, NEIGHBOURS)?;
        writeln!(
            f,
            "| none | 0 | {:.0} | {:.0} | 1.00 | | |",
            self.p50_us, self.p99_us
        )?;
        for row in &self.attacks {
            let at_most = bound(row.at_most);
            writeln!(
                f,
                "| {} | {} | {:.0} | {:.0} | {:.2} | {at_most} | {:.2} |",
                row.attack, row.attackers, row.p50_us, row.p99_us, row.ratio, row.grown_share,
            )?;
        }
        writeln!(
            f,
            "\n{} apps, {} requests/s to all of them together. A spinning app with a budget of {:.0} ms is stopped, and its client \
             answered, {:.1} ms after it (at most {:.1}).",
            self.apps, self.rate, self.hog.budget_ms, self.hog.late_ms, self.hog.late_max_ms,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let of = |values: &[f64]| median(values.iter().copied());
        assert_eq!(
            [of(&[3.0, 1.0, 2.0]), of(&[4.0, 1.0, 2.0, 3.0]), of(&[])],
            [2.0, 2.5, 0.0]
        );
    }

    #[test]
    fn quartiles() {
        let of = |values: &[f64]| {
            let Quartiles {
                lower,
                median,
                upper,
            } = Quartiles::of(values.iter().copied());
            [lower, median, upper]
        };
        assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), [1.5, 3.0, 4.5]);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]), [1.5, 2.5, 3.5]);
        assert_eq!(of(&[7.0]), [7.0; 3]);
    }
}
