//! Works for one call after the other, as it says, and never for any: `enter` without an end (`G-06`).

use wasgi_guests::raw::{Action, enter, serve};

wasgi_guests::raw_app!(serve(|_| -> Vec<Action> {
    let mut call = 0_u64;
    loop {
        call = call.wrapping_add(1);
        enter(call);
    }
}));

fn main() {}
