//! What a call's fuzz target needs beside its model: who waits, who is told, bytes, headers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker};

use crate::asgi::ACTION_BYTES_MAX;
use crate::asgi::budget::{Budget, OverBudget};
use crate::asgi::call::Inbox;
use crate::bindings::types::{CallId, Fields};
use crate::fuzzing::noise::Noise;
use crate::fuzzing::{Choices, fields};

/// How often a call has said that it has events.
pub(super) struct Count(pub(super) AtomicUsize, Arc<Budget>);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicUsize::default(), Budget::new(usize::MAX))
    }
}

impl Inbox for Count {
    fn ready(&self, _: CallId) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn budget(&self) -> &Arc<Budget> {
        &self.1
    }

    fn no_room(&self, _: CallId, _: &OverBudget) {}
}

/// One who waits: it may only find what it was woken for.
pub(super) struct Waiter {
    woken: Arc<Woken>,
    pub(super) waits: bool,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Waiter {
    pub(super) fn new() -> Self {
        let woken = Arc::default();
        Self {
            woken,
            waits: false,
        }
    }

    /// Polls. `unasked`: something other than a wake-up may be why it is ready.
    pub(super) fn poll<T>(
        &mut self,
        unasked: bool,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let woken = self.woken.0.swap(false, Ordering::Relaxed);
        let waker = Waker::from(self.woken.clone());
        let polled = poll(&mut Context::from_waker(&waker));
        let lost = polled.is_ready() && self.waits && !woken;
        assert!(!lost || unasked, "nobody has woken it");
        self.waits = polled.is_pending();
        polled
    }
}

/// Bytes of which each place looks different.
pub(super) fn pattern(at: usize, length: usize) -> &'static [u8] {
    const PERIOD: usize = 99_991;
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let letters: Vec<u8> = (0..=255).collect();
        let mut noise = Noise::new(7);
        let once: Vec<u8> = std::iter::repeat_with(|| letters[noise.below(256)])
            .take(PERIOD)
            .collect();
        once.repeat(2 + ACTION_BYTES_MAX.div_ceil(PERIOD))
    });
    &BYTES[at % PERIOD..][..length]
}

/// Headers of a response, some of which no response may have.
pub(super) fn headers(choices: &mut Choices<'_>) -> Fields {
    let length = choices.of(&["0", "5", "99", "65536", "+1", "0005"]);
    let length = (&b"content-length"[..], length.as_bytes());
    match choices.below(12) {
        0..=5 => fields(&[]),
        6 | 7 => fields(&[length]),
        8 => fields(&[
            (b"Transfer-Encoding", b"chunked"),
            (b"TE", b"x"),
            (b"upgrade", b"h2c"),
        ]),
        9 => fields(&[
            (b"x-hop", b"1"),
            (b"connection", b"x-hop, keep-alive"),
            (b"keep-alive", b"1"),
        ]),
        10 => fields(&[length, (b"content-length", b"5")]),
        _ => {
            let mut lying = fields(&[(b"x", b"1")]);
            lying.lengths[0].value = choices.of(&[0, 2, u32::MAX]);
            lying
        }
    }
}
