//! One server with the apps of several tenants, in this process.
//!
//! ```no_run
//! # use wasgi_tests::{Many, guests};
//! let host = Many::new()
//!     .app("alice/hello", guests::SAY_WHOSE_IT_IS, "alice.test *.alice.test/api")
//!     .app("bob/hello", guests::SAY_WHOSE_IT_IS, "bob.test")
//!     .neighbour()
//!     .start();
//! let neighbour = host.neighbour();
//! assert_eq!(host.get("bob.test", "/x").value("app"), host.app("bob/hello").label());
//! neighbour.assert_unharmed();
//! ```
//!
//! A test calls apps `tenant/app`; in the server, and in the log, each tenant has a number behind its name, so that tests which run at
//! the same time find their own lines. [`Hosted::label`] is the whole of it, and what an app has in `APP` of its environment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasgi::error::{Error, Result};
use wasgi::hosting::{AppId, Route};
use wasgi::server::tls::{self, Tls};
use wasgi::server::{Address, Listeners, Server, Settings, Site};
use wasgi::wasm::Pool;

use crate::logs::{self, Line};
use crate::neighbour::{self, Neighbour};
use crate::{Client, H2, Response, Serve, block_on};

/// A server that is about to start.
#[derive(Debug)]
pub struct Many {
    number: u64,
    apps: Vec<(String, Serve, String)>,
    threads: usize,
    settings: Settings,
    tls: Option<tls::Settings>,
}

impl Default for Many {
    fn default() -> Self {
        Self::new()
    }
}

impl Many {
    /// No apps, one thread.
    pub fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            apps: Vec::new(),
            threads: 1,
            settings: Settings {
                access_log: true,
                ..Settings::default()
            },
            tls: None,
        }
    }

    /// An app `tenant/app`, and its routes with spaces between them. A [`Serve`] says its limits, environment and
    /// instances; what a server has one of (threads, flags, certificates) is said here.
    #[must_use]
    pub fn app(mut self, id: &str, app: impl Into<Serve>, routes: &str) -> Self {
        self.apps
            .push((id.to_owned(), app.into(), routes.to_owned()));
        self
    }

    /// An app of a tenant of its own, for [`Host::neighbour`].
    #[must_use]
    pub fn neighbour(self) -> Self {
        self.app(neighbour::APP, neighbour::GUEST, neighbour::HOST)
    }

    /// How many server threads there are.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Changes what the server is told, as flags do.
    #[must_use]
    pub fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Serves HTTPS with these certificates.
    #[must_use]
    pub fn tls(mut self, settings: tls::Settings) -> Self {
        self.tls = Some(settings);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When one of the apps does not start, or two have one route.
    pub fn try_start(mut self) -> Result<Host> {
        logs::capture();
        self.settings.tls = self.tls.take().map(Tls::load).transpose()?;
        let listeners = Listeners::tcp("127.0.0.1", 0, self.threads)?;
        let sites = self.apps.iter();
        let sites = sites.map(|(id, app, routes)| site(self.number, id, app, routes, self.threads));
        let sites: Vec<_> = sites.collect::<Result<_>>()?;
        Ok(Host {
            number: self.number,
            server: Some(Server::start(listeners, sites, self.settings)?),
        })
    }

    /// Starts it.
    ///
    /// # Panics
    /// When one of the apps does not start.
    #[track_caller]
    pub fn start(self) -> Host {
        self.try_start().unwrap_or_else(|error| panic!("{error:?}"))
    }
}

fn identity(number: u64, id: &str) -> AppId {
    let (tenant, app) = id.split_once('/').expect("a tenant and an app");
    AppId::of(&format!("{tenant}-{number}"), app).unwrap()
}

fn site(number: u64, id: &str, app: &Serve, routes: &str, threads: usize) -> Result<Site> {
    let id = identity(number, id);
    let routes: Vec<Route> = routes
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_>>()?;
    let pool = app.pool_of(&id, threads)?;
    Ok(Site::new(id, routes, pool))
}

/// A running server. Dropping it forces it to stop.
pub struct Host {
    number: u64,
    server: Option<Server>,
}

impl Host {
    /// The server.
    ///
    /// # Panics
    /// After [`stop`](Self::stop).
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Where it listens.
    ///
    /// # Panics
    /// Never: it listens on TCP.
    pub fn address(&self) -> SocketAddr {
        match self.server().address() {
            Address::Tcp(address) => *address,
            Address::Unix(path) => panic!("{} is no TCP address", path.display()),
        }
    }

    /// A new connection, for requests to any [host](Client::at).
    pub fn client(&self) -> Client {
        Client::tcp(self.address())
    }

    /// A new HTTP/2 connection, for [requests](H2::request_at) to any host.
    pub async fn h2(&self) -> H2 {
        H2::connect(self.address()).await
    }

    /// One GET of a host's path on a connection of its own.
    #[track_caller]
    pub fn get(&self, host: &str, target: &str) -> Response {
        self.client().at(host).get(target)
    }

    /// One of its apps, as the test calls it.
    pub fn app(&self, id: &str) -> Hosted<'_> {
        Hosted {
            host: self,
            id: identity(self.number, id),
        }
    }

    /// Deploys an app: a new one, or another version of one that is there.
    ///
    /// # Errors
    /// When it does not start, or a route of it is another app's.
    pub fn try_deploy(&self, id: &str, app: impl Into<Serve>, routes: &str) -> Result<()> {
        block_on(self.deploying(id, app, routes))
    }

    /// Deploys an app.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn deploy(&self, id: &str, app: impl Into<Serve>, routes: &str) {
        let deployed: Result<(), Error> = self.try_deploy(id, app, routes);
        deployed.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// As [`try_deploy`](Self::try_deploy), for a test that does something else meanwhile.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn deploying(&self, id: &str, app: impl Into<Serve>, routes: &str) -> Result<()> {
        let threads = self.server().threads();
        let site = site(self.number, id, &app.into(), routes, threads)?;
        self.server().deploy(site).await
    }

    /// Removes an app; whether there was one.
    pub fn remove(&self, id: &str) -> bool {
        block_on(self.server().remove(&identity(self.number, id)))
    }

    /// Begins to use the app of [`Many::neighbour`] as its clients do, until its harm is [looked at](Neighbour::assert_unharmed).
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn neighbour(&self) -> Neighbour {
        let hosted = self.app(neighbour::APP);
        Neighbour::begin(self.address(), hosted.label())
    }

    /// Lines of the log about no app, such as those of requests that no app has a route for, and of any server of this process.
    pub fn lines_of_nobody(&self, wanted: impl Fn(&Line) -> bool) -> Vec<Arc<Line>> {
        logs::lines_where(|line| !line.fields.contains_key("app") && wanted(line))
    }

    /// Stops it gracefully.
    ///
    /// # Panics
    /// The second time.
    pub fn stop(&mut self) {
        let server = self.server.take().unwrap();
        server.drain();
        server.join();
    }
}

/// One app of a server.
pub struct Hosted<'a> {
    host: &'a Host,
    /// Who it is in the server.
    pub id: AppId,
}

impl Hosted<'_> {
    /// What the log calls it, and what it says that it is.
    pub fn label(&self) -> String {
        self.id.to_string()
    }

    /// What serves it.
    ///
    /// # Panics
    /// When nothing does.
    pub fn pool(&self) -> Arc<Pool> {
        self.host.server().site(&self.id).unwrap().pool
    }

    /// What the log says about it so far.
    pub fn log(&self) -> Vec<Arc<Line>> {
        logs::lines_of(self.id.label())
    }

    /// What its instances have printed so far.
    pub fn printed(&self) -> Vec<String> {
        let lines = self.log();
        let printed = lines.iter().filter(|line| line.is_printed());
        printed.map(|line| line.message.clone()).collect()
    }

    /// Waits for a line about it.
    #[track_caller]
    pub fn wait_log(&self, wanted: impl Fn(&Line) -> bool) -> Arc<Line> {
        logs::wait_for(self.id.label(), 0, wanted)
    }

    /// Waits for a line with this text in it.
    #[track_caller]
    pub fn wait_line(&self, text: &str) -> Arc<Line> {
        self.wait_log(|line| line.message.contains(text))
    }
}
