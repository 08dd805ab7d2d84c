//! The server of the scenario `neighbours`: many tenants' apps in one process, as a host has them, through the library.
//!
//! `wasgi-bench-many APPS ATTACKERS HELLO.wasm HELLO.toml ATTACKS.wasm ATTACKS.toml` serves `APPS` times hello, at `tN.test`, and
//! `ATTACKERS` times attacks, at `evilN.test`, one tenant each. It says on stderr where, as wasgi does, and ends when it is
//! killed. The log of the apps goes the same way.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use mimalloc::MiMalloc;
use wasgi::config::Manifest;
use wasgi::hosting::AppId;
use wasgi::server::{Listeners, Server, Settings, Site};
use wasgi::telemetry;
use wasgi::wasm::{App, Cache, Engine, Pool};

/// As in wasgi.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> anyhow::Result<()> {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [apps, attackers, hello, hello_toml, attacks, attacks_toml] = args.as_slice() else {
        anyhow::bail!("see the first lines of benches/src/bin/many.rs");
    };
    let number = |arg: &OsString| -> anyhow::Result<u32> {
        let text = arg.to_str().context("a number is not text")?;
        Ok(text.parse()?)
    };
    let _telemetry = telemetry::start(telemetry::Level::INFO);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let many = Many {
        engine: Engine::new()?,
        cache: Cache::of_user(),
        threads,
    };
    let mut sites = Vec::new();
    for app in 0..number(apps)? {
        let tenant = format!("t{app}");
        sites.push(many.site(&tenant, hello.as_ref(), hello_toml.as_ref())?);
    }
    for app in 0..number(attackers)? {
        let tenant = format!("evil{app}");
        sites.push(many.site(&tenant, attacks.as_ref(), attacks_toml.as_ref())?);
    }
    let listeners = Listeners::tcp("127.0.0.1", 0, threads)?;
    let count = sites.len();
    let server = Server::start(listeners, sites, Settings::default())?;
    eprintln!("the host serves {count} apps at {}", server.url());
    server.join();
    Ok(())
}

struct Many {
    engine: Engine,
    cache: Option<Cache>,
    threads: usize,
}

impl Many {
    fn site(&self, tenant: &str, wasm: &Path, manifest: &Path) -> anyhow::Result<Site> {
        let manifest = Manifest::load_file(manifest)?;
        let id = AppId::of(tenant, &manifest.name)?;
        let mut app = App::load(&self.engine, wasm, &manifest, self.cache.as_ref())?;
        app.name = id.label().clone();
        let pool = Pool::new(app, self.threads);
        Ok(Site::new(id, [format!("{tenant}.test").parse()?], pool))
    }
}
