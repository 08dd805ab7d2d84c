//! Memory per idle instance: one server process with few and with many of them, after their lifespan start-up.
//!
//! The difference of two processes leaves out what every process has: code, compiler, runtime.

use std::time::Duration;

use crate::proc::Memory;
use crate::report::MemoryRow;
use crate::server::Server;
use crate::tools::{Guests, Tools};

/// Instances in one process; each row compares with the first.
const INSTANCES: [u32; 3] = [1, 201, 801];

/// A process that has just started still writes to pages here and there.
const SETTLE: Duration = Duration::from_millis(500);

/// Runs the scenario.
pub(crate) async fn measure(tools: &Tools, guests: &Guests) -> anyhow::Result<Vec<MemoryRow>> {
    let mut rows = Vec::new();
    for (name, guest) in [("hello", &guests.hello), ("axum hello", &guests.axum)] {
        let mut one = None;
        for instances in INSTANCES {
            eprintln!("memory of {instances} idle instances of {name}");
            let workers = instances.to_string();
            let program = tools.serve(name, guest, &["--no-access-log", "--workers", &workers]);
            let server = Server::start(&program, &tools.logs).await?;
            tokio::time::sleep(SETTLE).await;
            let memory = server.memory()?;
            let base = *one.get_or_insert(memory);
            if instances > 1 {
                rows.push(row(name, instances, base, memory));
            }
        }
    }
    Ok(rows)
}

fn row(guest: &'static str, instances: u32, one: Memory, many: Memory) -> MemoryRow {
    let each = |few: u64, many: u64| many.saturating_sub(few) as f64 / f64::from(instances - 1);
    MemoryRow {
        guest,
        instances,
        rss_kib: each(one.rss, many.rss),
        pss_kib: each(one.pss, many.pss),
        tables_kib: each(one.tables, many.tables),
        process_rss_kib: one.rss,
    }
}
