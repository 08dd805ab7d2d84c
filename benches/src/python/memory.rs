//! Memory: of each further instance, idle and after load, and whether one instance grows under load.

use std::time::Duration;

use crate::args::Effort;
use crate::load::Load;
use crate::proc::Memory;
use crate::server::Server;
use crate::tools::Tools;

use super::apps::{Apps, Kind};
use super::report::{GrowthRow, MemoryRow};

/// Instances in the two processes whose difference is taken.
const INSTANCES: [u32; 2] = [1, 9];

/// Requests for each instance between the two figures.
const LOAD: u64 = 2_000;

/// At once, in both scenarios.
const CONNECTIONS: usize = 64;

/// A process that has just worked still writes to pages here and there.
const SETTLE: Duration = Duration::from_millis(500);

/// What each further instance occupies.
pub(crate) async fn instances(tools: &Tools, apps: &Apps) -> anyhow::Result<Vec<MemoryRow>> {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        let mut seen = Vec::new();
        for instances in INSTANCES {
            eprintln!("memory of {instances} instances of {}", kind.name());
            let workers = instances.to_string();
            let more = ["--no-access-log", "--workers", &workers];
            let program = tools.serve("wasgi", apps.of(kind), &more);
            let server = Server::start(&program, &tools.logs).await?;
            tokio::time::sleep(SETTLE).await;
            let idle = server.memory()?;
            Load::start(&server, CONNECTIONS, &kind.hello())
                .until(LOAD * u64::from(instances))
                .await?;
            tokio::time::sleep(SETTLE).await;
            seen.push((instances, idle, server.memory()?));
        }
        if let [(one, idle, loaded), (many, idle_many, loaded_many)] = seen[..] {
            let further = f64::from(many - one);
            rows.push(row(kind, "idle", further, idle, idle_many));
            rows.push(row(kind, "after load", further, loaded, loaded_many));
        }
    }
    Ok(rows)
}

fn row(kind: Kind, when: &'static str, further: f64, one: Memory, many: Memory) -> MemoryRow {
    let each = |few: u64, many: u64| many.saturating_sub(few) as f64 / 1024.0 / further;
    MemoryRow {
        app: kind.name(),
        when,
        written_mib: each(one.anonymous, many.anonymous),
        pss_mib: each(one.pss, many.pss),
        rss_mib: each(one.rss, many.rss),
        tables_mib: each(one.tables, many.tables),
        process_mib: one.pss as f64 / 1024.0,
    }
}

/// What one instance occupies early in its life and late.
pub(crate) async fn growth(
    tools: &Tools,
    apps: &Apps,
    effort: &Effort,
) -> anyhow::Result<Vec<GrowthRow>> {
    let mut rows = Vec::new();
    let (early, late) = effort.growth;
    for kind in Kind::ALL {
        eprintln!("{late} requests to one instance of {}", kind.name());
        let program = tools.serve("wasgi", apps.of(kind), &["--no-access-log"]);
        let server = Server::start(&program, &tools.logs).await?;
        let mut load = Load::start(&server, CONNECTIONS, &kind.hello());
        load.until(early).await?;
        let before = server.memory()?;
        load.until(late).await?;
        let after = server.memory()?;
        let grown = (after.rss as f64 - before.rss as f64) * 1024.0;
        rows.push(GrowthRow {
            app: kind.name(),
            early,
            early_mib: before.rss as f64 / 1024.0,
            late,
            late_mib: after.rss as f64 / 1024.0,
            bytes_per_request: grown / (late - early) as f64,
        });
    }
    Ok(rows)
}
