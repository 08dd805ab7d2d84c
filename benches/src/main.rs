//! `wasgi-bench`: what wasgi costs, measured from outside beside bare hyper in the same run.
//!
//! Builds the guests with `wasgi build`, starts every server itself, takes turns between them and prints medians: data
//! on stdout, talk on stderr. `benches/README.md` says how to read them. [`requests`] is the scenario to read first;
//! [`python`] and [`websockets`] compare with the servers that Python's users know.

mod args;
mod attack;
mod chunks;
mod cores;
mod encrypted;
mod environment;
mod frames;
mod histogram;
mod instance;
mod instances;
mod isolated;
mod layers;
mod limits;
mod load;
mod memory;
mod neighbours;
mod proc;
mod python;
mod report;
mod requests;
mod server;
mod tools;
mod transfers;
mod websockets;
mod wire;

use std::io::Write as _;

use clap::Parser as _;

use args::{Args, Effort, Scenario};
use report::{Machine, Report};
use tools::{Guests, Tools};

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    environment::settle()?;
    let tools = Tools::find()?;
    let effort = args.effort();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(run(&args, &tools, &effort))?;
    let text = if args.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        report.to_string()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

async fn run(args: &Args, tools: &Tools, effort: &Effort) -> anyhow::Result<Report> {
    let mut report = Report::new(Machine::read()?, effort);
    if args.wants_rust() {
        let guests = Guests::build(tools)?;
        if args.wants(Scenario::Requests) {
            report.requests = requests::measure(tools, &guests, effort).await?;
        }
        if args.wants(Scenario::Limits) {
            report.limits = Some(limits::measure(tools, &guests.hello, effort).await?);
        }
        if args.wants(Scenario::Encrypted) {
            report.encrypted = encrypted::measure(tools, &guests, effort).await?;
        }
        if args.wants(Scenario::Transfers) {
            report.transfers = transfers::measure(tools, &guests, effort).await?;
        }
        if args.wants(Scenario::Instances) {
            report.instances = instances::measure(&guests, effort).await?;
        }
        if args.wants(Scenario::Memory) {
            report.memory = memory::measure(tools, &guests).await?;
        }
        if args.wants(Scenario::Neighbours) {
            let only = args.attack.as_deref();
            report.neighbours = Some(neighbours::measure(tools, &guests, effort, only).await?);
        }
    }
    if args.wants_python() {
        report.python = Some(python::measure(args, tools, effort).await?);
    }
    if args.wants(Scenario::Isolated) {
        report.isolated = Some(isolated::measure(args, tools, effort).await?);
    }
    if args.wants(Scenario::WebSockets) {
        report.websockets = Some(websockets::measure(args, tools, effort).await?);
    }
    report.machine.ended()?;
    Ok(report)
}
