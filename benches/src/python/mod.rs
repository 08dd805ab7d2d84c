//! Python apps beside the servers that run them natively: uvicorn with uvloop and httptools, and granian.
//!
//! The same files of `benches/python/` are served by all; one worker stands against one instance. [`requests`] is the
//! part to read first.

mod apps;
mod interpreters;
mod memory;
pub(crate) mod peers;
pub(crate) mod report;
mod requests;
mod starts;

use crate::args::{Args, Effort, Scenario};
use crate::tools::Tools;

use apps::Apps;
use peers::Peers;
use report::Report;

/// Runs the parts that are wanted.
pub(crate) async fn measure(args: &Args, tools: &Tools, effort: &Effort) -> anyhow::Result<Report> {
    let apps = Apps::build(tools)?;
    let peers = Peers::prepare(&args.python, tools)?;
    let mut report = Report::new(&peers);
    if args.wants(Scenario::PythonRequests) {
        let wanted = &args.workload;
        report.requests = requests::measure(tools, &apps, &peers, wanted, effort).await?;
    }
    if args.wants(Scenario::PythonStarts) {
        report.starts = starts::instances(&apps, effort).await?;
        report.processes = starts::processes(tools, &apps, &peers, effort).await?;
    }
    if args.wants(Scenario::PythonMemory) {
        report.memory = memory::instances(tools, &apps).await?;
        report.growth = memory::growth(tools, &apps, effort).await?;
    }
    Ok(report)
}
