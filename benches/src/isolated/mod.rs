//! A fresh instance for every request: `reuse = "isolated"` beside `wasmtime serve`, with Rust guests and with Python
//! guests, over real sockets.
//!
//! [`wasmtime`] is the other program, [`guests`] makes what it serves. Each server has one core, the client has the rest.

mod guests;
pub(crate) mod report;
mod wasmtime;

use crate::args::{Args, Effort};
use crate::cores;
use crate::load;
use crate::python::peers::Peers;
use crate::report::RequestRow;
use crate::requests::{BODY, Contender, table};
use crate::server::{Program, Server};
use crate::tools::{Guest, Tools};
use crate::wire::Exchange;

use report::Report;
use wasmtime::Wasmtime;

/// Times the CPU of `wasmtime serve`, at 64 connections and at one.
const AT_MOST: Option<(f64, f64)> = Some((1.0, 1.0));

/// Runs it.
pub(crate) async fn measure(args: &Args, tools: &Tools, effort: &Effort) -> anyhow::Result<Report> {
    let wasmtime = Wasmtime::prepare(args.wasmtime.as_deref(), tools)?;
    let peers = Peers::prepare(&args.python, tools)?;
    let hello = tools.build(tools.benches.join("../apps/hello"), &["--locked"])?;
    let raw = tools.build(tools.benches.join("python/raw"), &[])?;
    let made = guests::rust(tools)?;
    let component = guests::python(&peers.first, &made.wit, tools)?;
    let [rust, python] = [(&made.component, &hello), (&component, &raw)].map(|(other, own)| {
        let [quick, guarded] = wasmtime.serve(other, tools)?;
        anyhow::Ok([quick, guarded, isolated(tools, own)])
    });
    Ok(Report {
        wasmtime: wasmtime.version.clone(),
        rust: compare("Rust", [64, 1], &rust?, tools, effort).await?,
        python: compare("Python", [8, 1], &python?, tools, effort).await?,
    })
}

/// `wasgi serve` with a manifest that asks for an instance for each request.
fn isolated(tools: &Tools, guest: &Guest) -> Program {
    let isolated = Guest {
        folder: tools.benches.join("guests/isolated"),
        wasm: guest.wasm.clone(),
    };
    tools.serve("wasgi, isolated", &isolated, &["--no-access-log"])
}

/// The first program is the measure of the others. They answer the same body; their heads differ in what they say of
/// themselves, so nobody compares those.
async fn compare(
    guest: &str,
    connections: [usize; 2],
    programs: &[Program],
    tools: &Tools,
    effort: &Effort,
) -> anyhow::Result<Vec<RequestRow>> {
    let hello = Exchange::get("/", BODY);
    let mut rows = Vec::new();
    for connections in connections {
        let mut contenders: Vec<_> = programs
            .iter()
            .map(|program| {
                let at_most = AT_MOST.filter(|_| program.name.starts_with("wasgi"));
                Contender::new(program.clone(), at_most)
            })
            .collect();
        for round in 1..=effort.rounds {
            for contender in &mut contenders {
                let name = &contender.program.name;
                eprintln!("{guest}, connections: {connections}, round {round}: {name}");
                let server = cores::on_one(Server::start(&contender.program, &tools.logs)).await?;
                let sample = load::measure(&server, connections, &hello, effort);
                contender.samples.push(cores::on_the_others(sample).await?);
            }
        }
        rows.extend(table(connections, &contenders));
    }
    Ok(rows)
}
