//! The settings of a test client.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::TestClient;
use super::host::{Host, note_enter};
use crate::App;
use crate::bindings::types::{Event, Extensions};
use crate::clock::Clock;
use crate::event_loop::Loop;

/// Settings of a [`TestClient`] other than the default.
///
/// ```
/// # async fn app(_: wasgi_sdk::Scope, _: wasgi_sdk::Receive, _: wasgi_sdk::Send) -> Result<(), wasgi_sdk::Error> { Ok(()) }
/// use wasgi_sdk::testing::Builder;
///
/// let client = Builder::new().offer_trailers().start(app);
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    real_time: bool,
    extensions: Extensions,
    denial: bool,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            real_time: false,
            extensions: Extensions::empty(),
            denial: true,
        }
    }
}

impl Builder {
    /// Virtual time, no extensions but `websocket.http.response`.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Uses the real clock, and waits for it and for wake-ups from other threads.
    #[must_use]
    pub fn real_time(mut self) -> Builder {
        self.real_time = true;
        self
    }

    /// Offers `http.response.trailers` (`E-06`).
    #[must_use]
    pub fn offer_trailers(mut self) -> Builder {
        self.extensions |= Extensions::TRAILERS;
        self
    }

    /// Offers `http.response.early_hint` (`E-04`).
    #[must_use]
    pub fn offer_early_hint(mut self) -> Builder {
        self.extensions |= Extensions::EARLY_HINT;
        self
    }

    /// Offers `http.response.pathsend` (`E-02`).
    #[must_use]
    pub fn offer_pathsend(mut self) -> Builder {
        self.extensions |= Extensions::PATHSEND;
        self
    }

    /// Does not offer `websocket.http.response` (`E-01`).
    #[must_use]
    pub fn withhold_denial(mut self) -> Builder {
        self.denial = false;
        self
    }

    /// Starts `app` and waits for its start-up, however that ends: see [`TestClient::started`].
    pub fn start<A: App>(self, app: A) -> TestClient<A> {
        let hand = (!self.real_time).then(Arc::<AtomicU64>::default);
        let clock = hand.clone().map_or(Clock::System, Clock::Virtual);
        let mut client = TestClient {
            event_loop: Loop::new(app, clock.clone(), note_enter),
            host: Host::new(self.extensions, self.denial),
            hand,
            clock,
            until: None,
            done: false,
        };
        client.host.queue(Event::LifespanStartup);
        client.run_until("start-up", |client| client.host.started().is_some());
        client
    }
}
