//! Begins an exchange and gives it up, a thousand times (`subtask.cancel`); then answers (`G-09`).

use wasgi_guests::raw::{exchange_beside, finished, respond, serve};

wasgi_guests::raw_app!(serve(|call| {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..1000 {
        let mut pending = Box::pin(exchange_beside(vec![], None));
        assert!(
            pending.as_mut().poll(&mut cx).is_pending(),
            "nothing has happened yet"
        );
    }
    vec![respond(call.call, 200, "cancelled"), finished(call.call)]
}));

fn main() {}
