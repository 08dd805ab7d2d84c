//! What an app uses, and what has become of its instances: for metrics and quotas.
//!
//! `instance.rs` enters each instance here for as long as it lives. Nothing is added up while they run: an instance counts
//! for itself, in its link, and whoever asks pays for the sum. What ended instances have used is kept. The sum over a
//! tenant's apps is the tenant's.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::instance::End;
use super::link::Link;

/// What an app uses, or a tenant: of this moment, and since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instances that there are, from the first instruction to the last.
    pub instances: u64,
    /// Their linear memory and tables, in bytes.
    pub memory_bytes: u64,
    /// What the host holds for them (bodies, messages, calls), in bytes: it counts against the same limit.
    pub host_bytes: u64,
    /// Calls in flight, without WebSockets.
    pub in_flight: u64,
    /// WebSockets that are open.
    pub websockets: u64,
    /// Since it was loaded: CPU time of all instances.
    pub cpu: Duration,
    /// Since it was loaded: calls that instances have been given.
    pub calls: u64,
    /// Since it was loaded: bytes that guests have written to stdout and stderr.
    pub printed_bytes: u64,
    /// Since it was loaded: instances that were started.
    pub started: u64,
    /// Since it was loaded: instances that have ended, by the [kind](End::kind) of their end.
    pub ends: BTreeMap<&'static str, u64>,
}

impl AddAssign<&Self> for Usage {
    fn add_assign(&mut self, other: &Self) {
        // All of them: a further field is to be added here.
        let Self {
            instances,
            memory_bytes,
            host_bytes,
            in_flight,
            websockets,
            cpu,
            calls,
            printed_bytes,
            started,
            ends,
        } = other;
        self.instances += instances;
        self.memory_bytes += memory_bytes;
        self.host_bytes += host_bytes;
        self.in_flight += in_flight;
        self.websockets += websockets;
        self.cpu += *cpu;
        self.calls += calls;
        self.printed_bytes += printed_bytes;
        self.started += started;
        for (kind, count) in ends {
            *self.ends.entry(kind).or_default() += count;
        }
    }
}

/// The instances of one app, through all of its versions that have [joined](Self::join).
#[derive(Default)]
pub struct Account {
    /// Shared by all versions.
    state: Mutex<Arc<Mutex<State>>>,
}

#[derive(Default)]
struct State {
    running: Vec<Arc<Link>>,
    past: Usage,
}

impl Account {
    /// What it uses now, and has used.
    pub fn usage(&self) -> Usage {
        self.with(|state| {
            let mut usage = state.past.clone();
            for link in &state.running {
                usage += &link.usage();
            }
            usage
        })
    }

    /// Goes on with what an earlier version of the same app has used: from now on they have one account.
    pub fn join(&self, earlier: &Self) {
        let theirs = lock(&earlier.state).clone();
        let mut own = lock(&self.state);
        if Arc::ptr_eq(&own, &theirs) {
            return;
        }
        {
            let (mut mine, mut joint) = (lock(&own), lock(&theirs));
            joint.past += &mine.past;
            joint.running.append(&mut mine.running);
        }
        *own = theirs;
    }

    /// An instance starts.
    pub(super) fn enter(self: &Arc<Self>, link: Arc<Link>) -> Running {
        self.with(|state| {
            state.past.started += 1;
            state.running.push(link.clone());
        });
        Running {
            account: self.clone(),
            link,
            end: "abandoned",
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // Held meanwhile, so that nobody joins another in between.
        let state = lock(&self.state);
        let mut state = lock(&state);
        act(&mut state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instance that runs. Dropping it closes its account.
pub(super) struct Running {
    account: Arc<Account>,
    link: Arc<Link>,
    end: &'static str,
}

impl Running {
    /// How it has ended.
    pub(super) fn ended(mut self, end: &End) {
        self.end = end.kind();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut used = self.link.usage();
        // What it had has gone with it.
        (used.instances, used.memory_bytes, used.host_bytes) = (0, 0, 0);
        (used.in_flight, used.websockets) = (0, 0);
        used.ends.insert(self.end, 1);
        self.account.with(|state| {
            state.past += &used;
            state.running.retain(|link| !Arc::ptr_eq(link, &self.link));
        });
    }
}
