//! Breaks the contract: more than 64 KiB of read credit at once.

use wasgi_guests::raw::{finished, path, read, respond, serve};

wasgi_guests::raw_app!(serve(|call| {
    let credits: &[u32] = match path(call) {
        b"/twice" => &[65_536, 1],
        b"/huge" => &[u32::MAX],
        _ => &[65_537],
    };
    let mut said: Vec<_> = credits
        .iter()
        .map(|bytes| read(call.call, *bytes))
        .collect();
    said.extend([respond(call.call, 200, "secret"), finished(call.call)]);
    said
}));

fn main() {}
