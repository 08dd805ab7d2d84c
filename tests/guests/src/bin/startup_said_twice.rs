//! Breaks the contract: `startup` said twice, the second time when a call comes.

use wasgi_guests::raw::{Action, Startup, serve};

wasgi_guests::raw_app!(serve(|call| {
    let _ = call;
    vec![Action::Startup(Startup::Complete)]
}));

fn main() {}
