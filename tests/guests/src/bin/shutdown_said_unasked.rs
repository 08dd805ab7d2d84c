//! Breaks the contract: `shutdown` before `lifespan-shutdown`.

use wasgi_guests::raw::{Action, Shutdown, serve};

wasgi_guests::raw_app!(serve(|call| {
    let _ = call;
    vec![Action::Shutdown(Shutdown::Complete)]
}));

fn main() {}
