//! Messages on their way to the host, and the close behind them (`W-09`, `W-12`).
//!
//! A message is never cut. The one that crosses [`MARK`] goes whole, the next one waits for `writable`.

use std::collections::VecDeque;

use super::Payload;
use crate::call::{Body, MARK};
use crate::outbox::Outbox;
use crate::said::Said;

#[derive(Debug)]
pub(crate) struct Outbound<B: Body> {
    /// Price of what the host has and has not reported gone.
    at_host: usize,
    backlog: VecDeque<Payload<B>>,
    backlog_price: usize,
    /// What stands behind the last message.
    close: Option<(u16, String)>,
}

impl<B: Body> Outbound<B> {
    pub(crate) fn new() -> Outbound<B> {
        Outbound {
            at_host: 0,
            backlog: VecDeque::new(),
            backlog_price: 0,
            close: None,
        }
    }

    pub(crate) fn send(
        &mut self,
        call: u64,
        message: Payload<B>,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) {
        self.backlog_price += message.price();
        self.backlog.push_back(message);
        self.pump(call, outbox);
    }

    pub(crate) fn close(
        &mut self,
        call: u64,
        code: u16,
        reason: String,
        outbox: &mut Outbox<impl From<Said<B>>>,
    ) {
        self.close = Some((code, reason));
        self.pump(call, outbox);
    }

    /// Says what the credit allows.
    pub(crate) fn pump(&mut self, call: u64, outbox: &mut Outbox<impl From<Said<B>>>) {
        while self.at_host <= MARK
            && let Some(payload) = self.backlog.pop_front()
        {
            let price = payload.price();
            self.at_host += price;
            self.backlog_price -= price;
            outbox.push(Said::Message { call, payload });
        }
        if self.backlog.is_empty()
            && let Some((code, reason)) = self.close.take()
        {
            outbox.push(Said::Close { call, code, reason });
        }
    }

    /// The host reports messages gone.
    pub(crate) fn drained(&mut self, bytes: usize) {
        self.at_host = self.at_host.saturating_sub(bytes);
    }

    /// Nobody is listening: what waits is dropped.
    pub(crate) fn abandon(&mut self) {
        self.backlog.clear();
        self.backlog_price = 0;
        self.close = None;
    }

    pub(crate) fn unsent(&self) -> usize {
        self.at_host + self.backlog_price
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty() || self.close.is_some()
    }
}
