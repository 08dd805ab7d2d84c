//! Breaks the contract: a second start (`R-07`). `/mid` says it after body bytes.

use wasgi_guests::raw::{body, finished, path, serve, start};

wasgi_guests::raw_app!(serve(|call| {
    let mut said = vec![start(call.call, 200)];
    if path(call) == b"/mid" {
        said.push(body(call.call, "part", true));
    }
    said.extend([
        start(call.call, 201),
        body(call.call, "secret", false),
        finished(call.call),
    ]);
    said
}));

fn main() {}
