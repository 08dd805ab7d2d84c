//! Breaks the contract: more than 256 KiB of body in one action.

use wasgi_guests::raw::{body, finished, path, respond, serve, start};

wasgi_guests::raw_app!(serve(|call| {
    let large = "x".repeat(262_145);
    match path(call) {
        b"/respond" => vec![respond(call.call, 200, &large), finished(call.call)],
        _ => vec![
            start(call.call, 200),
            body(call.call, large, false),
            finished(call.call),
        ],
    }
}));

fn main() {}
