//! Panics while an exchange of its own is pending: a call into the host that outlives the guest's will (`X-08`).

use wasgi_guests::raw::{Action, exchange_beside, serve};

wasgi_guests::raw_app!(serve(|_| -> Vec<Action> {
    let mut pending = Box::pin(exchange_beside(vec![], None));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(pending.as_mut().poll(&mut cx).is_pending());
    panic!("as it was asked to")
}));

fn main() {}
