//! Breaks the contract: more than 1 MiB of bytes in one batch, each action within its own bound.

use wasgi_guests::raw::{body, serve, start};

wasgi_guests::raw_app!(serve(|call| {
    let mut said = vec![start(call.call, 200)];
    said.extend(std::iter::repeat_n(
        body(call.call, vec![0; 262_144], true),
        5,
    ));
    said
}));

fn main() {}
