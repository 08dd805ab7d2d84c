//! `wasgi compile`: what `serve` and `build` start to have a component compiled; nobody types it.
//!
//! stdin is a component, stdout becomes machine code, stderr says in one line why not. A stranger's component may be made
//! to keep a compiler busy, or to mislead it, so before a byte of it is read this process gives up whatever it
//! does not need.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};
use wasgi::{
    error::{Error, Result},
    wasm::compile::{self, Compiler, Program},
};

use super::report;

/// How nice it is to those who serve.
const NICE: i32 = 10;

/// Code is three times as large as a component, or twice a Python app's.
const OUTPUT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// See `limit`.
const SPARE_ADDRESSES: u64 = 4 * 1024 * 1024 * 1024;

/// stdin, stdout, stderr and what the runtime has open; nothing is opened by name.
const FILES_MAX: u64 = 32;

/// How `serve` and `build` have components compiled.
#[derive(Args)]
#[cfg_attr(test, derive(Default))]
#[command(next_help_heading = "Building")]
pub(crate) struct LimitArgs {
    /// How much CPU time compiling a component to machine code may take, on all cores together; it is given up when it takes
    /// three times as long by the clock
    #[arg(
        long,
        env = "WASGI_LIMIT_COMPILE_CPU",
        value_name = "SECONDS",
        default_value_t = 300
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit_compile_cpu: u64,

    /// How much memory compiling a component may take
    #[arg(
        long,
        env = "WASGI_LIMIT_COMPILE_MEMORY",
        value_name = "MIB",
        default_value_t = 4096
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(128..=1_048_576))]
    limit_compile_memory: u64,
}

impl LimitArgs {
    /// This program, started once more for each component.
    pub(crate) fn compiler(&self) -> Result<Compiler> {
        // Also when a newer version has taken the program's place.
        let path = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe().map_err(|error| {
                Error::internal("cannot find this program to start it again").because(error)
            })?
        };
        let memory_bytes = self.limit_compile_memory.saturating_mul(1024 * 1024);
        let arguments = [
            "compile".to_owned(),
            format!("--cpu={}", self.limit_compile_cpu),
            format!("--memory={memory_bytes}"),
        ];
        Ok(Compiler::Child(Program {
            path,
            arguments: arguments.map(Into::into).to_vec(),
            // In KiB. Else it reserves a gibibyte at once, which counts.
            environment: vec![("MIMALLOC_ARENA_RESERVE", "65536")],
            cpu: Duration::from_secs(self.limit_compile_cpu),
            memory_bytes,
            raise: ["--limit-compile-cpu", "--limit-compile-memory"],
        }))
    }
}

/// `wasgi compile`
#[derive(Args)]
pub(crate) struct CompileArgs {
    /// CPU time, in seconds
    #[arg(long)]
    cpu: u64,

    /// Memory, in bytes
    #[arg(long)]
    memory: u64,

    /// For a process with few addresses
    #[arg(long)]
    tight: bool,

    /// SHA-256 of the component
    digest: String,

    /// What errors call it
    shown: String,
}

/// Compiles stdin to stdout.
pub(super) fn run(args: &CompileArgs) -> ExitCode {
    let done = limit(args).and_then(|()| {
        close();
        let open = |stream: std::os::fd::BorrowedFd<'_>| {
            let own = stream.try_clone_to_owned().map(File::from);
            own.map_err(|error| Error::internal("a stream is not open").because(error))
        };
        let from = open(std::io::stdin().as_fd())?;
        let to = open(std::io::stdout().as_fd())?;
        compile::compile_to(&from, &to, &args.shown, &args.digest, args.tight)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told when nobody listens.
            let _ = writeln!(std::io::stderr(), "{}", compile::refusal(&error));
            report::USER
        }
    }
}

/// Where a container allows no filter, the limits stand alone.
fn close() {
    #[cfg(target_os = "linux")]
    let _ = super::walls::filter::close_compiler();
}

/// Gives up what it may use up.
fn limit(args: &CompileArgs) -> Result<()> {
    for (resource, most) in [
        (Resource::Cpu, args.cpu),
        // What it can write to. Addresses are more: a program, stacks, what an allocator reserves.
        (Resource::Data, args.memory),
        (Resource::As, args.memory.saturating_add(SPARE_ADDRESSES)),
        (Resource::Fsize, OUTPUT_BYTES_MAX),
        (Resource::Nofile, FILES_MAX),
        (Resource::Core, 0),
    ] {
        let inherited = rustix::process::getrlimit(resource).maximum;
        let most = inherited.map_or(most, |maximum| maximum.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)
            .map_err(|error| Error::internal("cannot limit itself").because(error))?;
    }
    // Less than that is no reason not to go on.
    let _ = nice(NICE);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    Ok(())
}
