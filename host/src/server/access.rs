//! The access line: one for each request, written when its response has ended, however it has ended.
//!
//! `request.rs` opens one, the response body carries it and drops it. A line that is dropped unfinished tells of
//! a client that went away. It is the request's stay on its connection, too.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode, Version};

use super::abandoned::Leave;
use super::connection::{Connection, Exchange};
use super::route::{Number, asked_host};
use crate::wasm::link::RequestId;

/// One request's line, to be written when it is dropped.
pub(super) struct Access {
    exchange: Exchange,
    request_id: u64,
    started: Instant,
    status: u16,
    bytes: u64,
    outcome: &'static str,
    /// Of a WebSocket: how it was closed.
    close: Option<u16>,
    /// None when access lines are off: nothing is kept and nothing written.
    line: Option<Box<Line>>,
}

struct Line {
    method: Method,
    /// A copy: what the head was read into is not held until the response ends.
    path: Box<str>,
    /// None where no app has a route.
    app: Option<Arc<str>>,
    /// Which host was asked for, where it was nobody's: for whoever wonders why.
    host: Option<Box<str>>,
}

impl Access {
    pub(super) fn begin(
        exchange: Exchange,
        request_id: u64,
        started: Instant,
        line: Option<(&http::request::Parts, Option<&Arc<str>>)>,
    ) -> Self {
        Self {
            exchange,
            request_id,
            started,
            status: 0,
            bytes: 0,
            outcome: "disconnected",
            close: None,
            line: line.map(|(parts, app)| {
                Box::new(Line {
                    method: parts.method.clone(),
                    path: parts.uri.path().into(),
                    app: app.cloned(),
                    host: match app {
                        Some(_) => None,
                        None => asked_host(parts).map(Into::into),
                    },
                })
            }),
        }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.exchange
    }

    pub(super) fn request_id(&self) -> u64 {
        self.request_id
    }

    /// Where a call of `app` is left that goes on without its client, on a connection that goes on without it.
    pub(super) fn abandoned(&self, version: Version, app: Number) -> Option<Leave> {
        let leave = || Leave {
            connection: self.exchange.abandoned.clone(),
            app,
        };
        (version == Version::HTTP_2).then(leave)
    }

    pub(super) fn status(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    pub(super) fn outcome(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }

    /// A WebSocket has ended.
    pub(super) fn closed(&mut self, outcome: &'static str, code: Option<u16>) {
        self.outcome = outcome;
        self.close = code;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Some(line) = &self.line else {
            return;
        };
        tracing::info!(
            target: "wasgi::access",
            method = %line.method,
            path = &*line.path,
            status = self.status,
            bytes = self.bytes,
            ms = self.started.elapsed().as_micros() as f64 / 1000.0,
            app = line.app.as_deref(),
            host = line.host.as_deref(),
            request = %RequestId(self.request_id),
            outcome = self.outcome,
            close = self.close,
        );
    }
}
