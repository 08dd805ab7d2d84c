//! Breaks the contract: names a call that was never given out.

use wasgi_guests::raw::{body, serve, start};

wasgi_guests::raw_app!(serve(|call| vec![
    start(call.call, 200),
    body(call.call + 1000, "to nobody", false)
]));

fn main() {}
