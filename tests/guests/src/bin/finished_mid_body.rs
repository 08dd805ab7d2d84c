//! Breaks the contract: `finished` in the middle of a body (`X-07`).

use wasgi_guests::raw::{body, finished, serve, start};

wasgi_guests::raw_app!(serve(|call| vec![
    start(call.call, 200),
    body(call.call, "part", true),
    finished(call.call),
]));

fn main() {}
