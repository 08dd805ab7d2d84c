//! Breaks the contract: body before the start of the response (`R-07`).

use wasgi_guests::raw::{body, finished, serve, start};

wasgi_guests::raw_app!(serve(|call| vec![
    body(call.call, "secret body", true),
    start(call.call, 200),
    body(call.call, "secret body", false),
    finished(call.call),
]));

fn main() {}
