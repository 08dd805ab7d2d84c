//! Breaks the contract: more than 256 response headers (`/many`), or more than 64 KiB of them.

use wasgi_guests::raw::{finished, path, respond_with, serve};

wasgi_guests::raw_app!(serve(|call| {
    let long = "x".repeat(70_000);
    let headers = match path(call) {
        b"/many" => vec![("x-a", "b"); 257],
        _ => vec![("x-a", long.as_str())],
    };
    vec![
        respond_with(call.call, 200, &headers, "secret"),
        finished(call.call),
    ]
}));

fn main() {}
