//! The server of the scenario `limits`: one app on one thread, through the library, with all limits or with none.
//!
//! `wasgi-bench-limits on|off APP.wasm APP.toml` says on stderr where it serves, as wasgi does, and ends when it is killed. Without
//! limits is an engine that exists for this measurement alone ([`Engine::unlimited`]); all else is the same.

use std::ffi::OsString;
use std::path::Path;

use anyhow::bail;
use mimalloc::MiMalloc;
use wasgi::config::Manifest;
use wasgi::server::{Listeners, Server, Settings, Site};
use wasgi::telemetry;
use wasgi::wasm::{App, Cache, Engine, Pool};

/// As in wasgi.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> anyhow::Result<()> {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [limits, wasm, manifest] = args.as_slice() else {
        bail!("see the first lines of benches/src/bin/limits.rs");
    };
    let _telemetry = telemetry::start(telemetry::Level::INFO);
    let engine = match limits.to_str() {
        Some("on") => Engine::new()?,
        Some("off") => Engine::unlimited()?,
        _ => bail!("limits are `on` or `off`"),
    };
    let manifest = Manifest::load_file(Path::new(manifest))?;
    let cache = Cache::of_user();
    let app = App::load(&engine, Path::new(wasm), &manifest, cache.as_ref())?;
    let listeners = Listeners::tcp("127.0.0.1", 0, 1)?;
    let pool = Pool::new(app, listeners.threads());
    let server = Server::start(listeners, [Site::only(pool)], Settings::default())?;
    eprintln!("the host serves {} at {}", manifest.name, server.url());
    server.join();
    Ok(())
}
