//! `[instances]` of the manifest: how an app's instances are used, how many there are, and when one has had its time.
//!
//! The manifest reads what the app says, strictly; [`Instances::of`] adds the defaults, each with its reason. `wasm/` takes
//! the plain values, and decides nothing about them.

use std::time::Duration;

use super::manifest::{LimitOverrides, duration, size};
use super::table::{Entry, Table, nearest};
use crate::error::Result;

/// Instances of one app, at most: what the host counts and looks through is bounded by it.
pub const INSTANCES_MAX: u32 = 1024;

/// How an instance is used (`G-05`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Many calls at the same time, one after the other as they come.
    #[default]
    Concurrent,
    /// One call at a time, be it a request or a WebSocket.
    Serial,
    /// One call in its whole life: no request meets memory that another has used.
    Isolated,
}

impl Reuse {
    const NAMES: [&'static str; 3] = ["concurrent", "serial", "isolated"];

    /// What the manifest calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Concurrent => "concurrent",
            Self::Serial => "serial",
            Self::Isolated => "isolated",
        }
    }
}

/// `[instances]` as the manifest has it; `None` leaves the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceOverrides {
    /// `reuse`: how an instance is used.
    pub reuse: Option<Reuse>,
    /// `max_calls_per_instance`: it is replaced after so many.
    pub max_calls_per_instance: Option<u32>,
    /// `max_instance_age`: it is replaced when it is so old.
    pub max_instance_age: Option<Duration>,
    /// `max_memory`: it is replaced when it has more linear memory than this.
    pub max_memory: Option<u64>,
    /// `min_instances`: there are always so many; of an isolated app, so many that nobody has used.
    pub min_instances: Option<u32>,
    /// `max_instances`: there are never more that take calls.
    pub max_instances: Option<u32>,
    /// `idle`: one above the minimum stops when it has had no call for so long.
    pub idle: Option<Duration>,
}

/// What holds for the instances of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instances {
    /// How one is used. Concurrently: as an event loop is meant to be.
    pub reuse: Reuse,
    /// Calls of one instance in its life. No bound: a sound app needs none. Each instance takes between 90 % and 100 % of
    /// it, drawn at its start, so that not all of a pool retire together.
    pub calls_max: Option<u32>,
    /// The age of one instance, drawn as `calls_max` is. No bound, for the same reason.
    pub age_max: Option<Duration>,
    /// Linear memory in bytes above which an instance has had its time. No such mark: the hard limit is enough for apps that
    /// do not leak.
    pub memory_mark: Option<usize>,
    /// Never fewer. 1: whoever comes first waits for no start-up. Of isolated ones 2, unused: one for whoever comes while
    /// the other is replaced.
    pub min: usize,
    /// Never more. 1: what an app keeps in memory is then the same for all requests, which is what its author expects who
    /// has said nothing. 16 if each takes one call at a time, as servers with worker processes have, and 64 if each
    /// takes one call in all, which are gone as soon as the call is.
    pub max: usize,
    /// From its last call to the end of an instance above `min`. 1 min: a start costs microseconds (Rust) or milliseconds
    /// (Python), memory costs for as long as it is held.
    pub idle: Duration,
}

impl Default for Instances {
    fn default() -> Self {
        Self::of(&InstanceOverrides::default())
    }
}

impl Instances {
    /// The defaults with what an app changes.
    #[must_use]
    pub fn of(overrides: &InstanceOverrides) -> Self {
        let reuse = overrides.reuse.unwrap_or_default();
        let (min, max) = match reuse {
            Reuse::Concurrent => (1, 1),
            Reuse::Serial => (1, 16),
            Reuse::Isolated => (2, 64),
        };
        // Whoever names one bound moves the other's default out of the way.
        let (min, max) = match (overrides.min_instances, overrides.max_instances) {
            (None, None) => (min, max),
            (Some(min), None) => (min, max.max(min)),
            (None, Some(max)) => (min.min(max), max),
            (Some(min), Some(max)) => (min.min(max), max),
        };
        Self {
            reuse,
            calls_max: overrides.max_calls_per_instance,
            age_max: overrides.max_instance_age,
            memory_mark: overrides
                .max_memory
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            min: min as usize,
            max: max.max(1) as usize,
            idle: overrides.idle.unwrap_or(Duration::from_secs(60)),
        }
    }

    /// How many there are, in words: "1 instance", "2 to 8 instances".
    pub fn count(&self) -> String {
        let Self { min, max, .. } = self;
        match (self.reuse, min == max, max) {
            (Reuse::Isolated, ..) => format!("an instance for each request, {max} at a time"),
            (_, true, 1) => "1 instance".to_owned(),
            (_, true, _) => format!("{max} instances"),
            (_, false, 1) => format!("{min} or {max} instances"),
            (_, false, _) => format!("{min} to {max} instances"),
        }
    }
}

impl InstanceOverrides {
    /// Exactly so many, whatever the manifest says: `--workers`.
    pub fn set_workers(&mut self, workers: u32) {
        self.min_instances = Some(workers);
        self.max_instances = Some(workers);
    }

    /// Reads the section. `limits` are those of the same app, and `memory` is what one instance may have.
    pub(super) fn read(
        table: &mut Table<'_>,
        limits: &LimitOverrides,
        memory: usize,
    ) -> Result<Self> {
        let overrides = Self {
            reuse: table.take("reuse").map(reuse).transpose()?,
            max_calls_per_instance: count(table, "max_calls_per_instance", 1, u32::MAX)?,
            max_instance_age: duration(table, "max_instance_age")?,
            max_memory: size(table, "max_memory")?,
            min_instances: count(table, "min_instances", 0, INSTANCES_MAX)?,
            max_instances: count(table, "max_instances", 1, INSTANCES_MAX)?,
            idle: duration(table, "idle")?,
        };
        match overrides.contradiction(limits, memory) {
            None => Ok(overrides),
            Some((why, hint)) => Err(table.error(&why).hint(hint)),
        }
    }

    /// What cannot hold together, or would do nothing; completes "`instances` …", with a hint.
    fn contradiction(&self, limits: &LimitOverrides, memory: usize) -> Option<(String, String)> {
        let takes = Instances::of(self);
        let word = takes.reuse.name();
        if let (Some(min), Some(max)) = (self.min_instances, self.max_instances)
            && min > max
        {
            return Some((
                format!("has `min_instances` {min}, which is more than `max_instances` {max}"),
                "raise `max_instances`, or lower `min_instances`".to_owned(),
            ));
        }
        if self.idle.is_some() && takes.min == takes.max {
            let number = takes.max;
            return Some((
                format!(
                    "has an `idle` that never comes: `min_instances` and `max_instances` are both {number}"
                ),
                "an idle instance stops where `min_instances` is below `max_instances`".to_owned(),
            ));
        }
        if let Some(mark) = takes.memory_mark.filter(|mark| *mark >= memory) {
            return Some((
                format!(
                    "has a `max_memory` of {mark} bytes, which is never passed: an instance cannot have more than {memory} \
                     (`memory` below [limits])"
                ),
                "an instance above `max_memory` is replaced in peace, one that asks for more than `memory` is refused: \
                 choose a `max_memory` below `memory`"
                    .to_owned(),
            ));
        }
        if takes.reuse == Reuse::Isolated {
            let pointless = [
                (
                    "max_calls_per_instance",
                    self.max_calls_per_instance.is_some(),
                ),
                ("max_memory", self.max_memory.is_some()),
            ];
            if let Some((key, _)) = pointless.iter().find(|(_, said)| *said) {
                return Some((
                    format!(
                        "has a `{key}`, and `reuse = \"isolated\"` ends each instance after its first call"
                    ),
                    format!("take `{key}` out, or choose `reuse = \"serial\"`"),
                ));
            }
        }
        if takes.reuse != Reuse::Concurrent {
            let pointless = [
                ("max_concurrent_calls", limits.max_concurrent_calls),
                ("max_websockets", limits.max_websockets),
            ];
            let more = pointless
                .iter()
                .find(|(_, said)| said.is_some_and(|it| it > 1));
            if let Some((key, _)) = more {
                return Some((
                    format!(
                        "has `reuse = \"{word}\"`, one call at a time, and [limits] has a `{key}` of more than 1"
                    ),
                    format!(
                        "take `{key}` out: `max_instances` says how many calls there are at a time"
                    ),
                ));
            }
        }
        None
    }
}

fn reuse(entry: Entry<'_>) -> Result<Reuse> {
    let all = Reuse::NAMES.map(|name| format!("`{name}`")).join(", ");
    let mut found = Reuse::default();
    entry.checked(|text| {
        found = match text {
            "concurrent" => Reuse::Concurrent,
            "serial" => Reuse::Serial,
            "isolated" => Reuse::Isolated,
            _ => {
                let hint = match nearest(text, &Reuse::NAMES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`concurrent` is what it is without this key".to_owned(),
                };
                return Err((format!("is one of {all}, not `{text}`"), hint));
            }
        };
        Ok(())
    })?;
    Ok(found)
}

fn count(table: &mut Table<'_>, key: &'static str, min: u32, max: u32) -> Result<Option<u32>> {
    let entry = table.take(key);
    entry.map(|entry| entry.count_within(min, max)).transpose()
}

#[cfg(test)]
mod tests;
