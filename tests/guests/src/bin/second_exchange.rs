//! Breaks the contract: a second `exchange` while one is pending.

use wasgi_guests::raw::{exchange, exchange_beside, serve};

wasgi_guests::raw_app!(serve(|_| {
    let mut pending = Box::pin(exchange_beside(vec![], None));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let first = pending.as_mut().poll(&mut cx);
    assert!(first.is_pending(), "nothing has happened yet");
    exchange(&[], Some(0));
    vec![]
}));

fn main() {}
