//! One instance in this process, without pool and sockets, as the pool would drive it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use wasgi::asgi::call::{AnswerBody, Asked, Call, Part};
use wasgi::asgi::lifespan::Phase;
use wasgi::asgi::scope::{self, Ends};
use wasgi::bindings::types::{HttpScope, Scheme};
use wasgi::wasm::App;
use wasgi::wasm::instance::{self, End};
use wasgi::wasm::link::{Link, Opening};
use wasgi::wasm::opened::{Opened, Scope};
use wasgi::wasm::waiting::Waiting;

use crate::wire::HEADERS;

/// One that runs while its methods are awaited.
pub(crate) struct Instance<F> {
    link: Arc<Link>,
    life: Pin<Box<F>>,
}

impl Instance<()> {
    /// Instantiates, calls `run`, and comes back when the guest has answered `lifespan.startup`.
    pub(crate) async fn start(
        app: &App,
        number: u64,
    ) -> anyhow::Result<Instance<impl Future<Output = End> + use<'_>>> {
        let waiting = Arc::new(Waiting::new(&app.limits));
        let link = Link::new(app.name.clone(), number, &app.limits, waiting);
        let life = Box::pin(instance::run(app, link.clone()));
        let mut instance = Instance { link, life };
        // Nobody but the guest itself changes the phase, so it is enough to look after each of its turns.
        instance
            .until(|link, _| match link.phase() {
                Phase::Ready => Poll::Ready(()),
                _ => Poll::Pending,
            })
            .await?;
        Ok(instance)
    }
}

impl<F: Future<Output = End>> Instance<F> {
    /// A browser's `GET` of this path, which has to be answered with these bytes.
    pub(crate) async fn request(&mut self, path: &str, body: &[u8]) -> anyhow::Result<()> {
        let opening = Opening {
            scope: Scope::Http(scope(path)?, Asked::default()),
            permit: None,
        };
        let Ok(Opened::Http(call)) = self.link.open(opening, Instant::now()) else {
            bail!("the instance takes no call");
        };
        let answer = self.until(|_, cx| call.poll_answer(cx, false)).await?;
        let answer = answer.map_err(|failure| anyhow!("{failure}"))?;
        let status = answer.head.status;
        let got = match answer.body {
            AnswerBody::Whole(whole) => whole.to_vec(),
            AnswerBody::Stream => self.body(&call).await?,
            AnswerBody::File(path) => bail!("a file instead of bytes: {path:?}"),
        };
        ensure!(
            status == 200 && got == body,
            "a wrong answer: {status}, {}",
            got.escape_ascii()
        );
        Ok(())
    }

    async fn body(&mut self, call: &Call) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.until(|_, cx| call.poll_body(cx)).await? {
            if let Part::Data(bytes) = piece.map_err(|failure| anyhow!("{failure}"))? {
                body.extend_from_slice(&bytes);
            }
        }
        Ok(body)
    }

    /// Runs it until `done`.
    async fn until<T>(
        &mut self,
        mut done: impl FnMut(&Link, &mut Context<'_>) -> Poll<T>,
    ) -> anyhow::Result<T> {
        let turns = poll_fn(|cx| {
            if let Poll::Ready(end) = self.life.as_mut().poll(cx) {
                return Poll::Ready(Err(end));
            }
            done(&self.link, cx).map(Ok)
        });
        match tokio::time::timeout(Duration::from_secs(10), turns).await? {
            Ok(value) => Ok(value),
            Err(end) => bail!("the instance ended: {end}"),
        }
    }
}

/// The scope of a browser's request, made as the server makes it.
fn scope(path: &str) -> anyhow::Result<HttpScope> {
    let mut request = http::Request::get(path).header("host", "127.0.0.1:8000");
    for (name, value) in HEADERS {
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(())?.into_parts();
    let address = SocketAddr::from(([127, 0, 0, 1], 8000));
    let ends = Ends {
        scheme: Scheme::Http,
        tls: None,
        client: Some(address),
        server: scope::Server::Tcp(address),
    };
    scope::http(&parts, &ends, scope::Root::default(), 1).map_err(|refused| anyhow!("{refused:?}"))
}
