//! Breaks the contract: a hundred thousand actions for a call that it has finished (`G-23`).

use wasgi_guests::raw::{finished, read, respond, say, serve};

wasgi_guests::raw_app!(serve(|call| {
    say(&[respond(call.call, 200, "answered"), finished(call.call)]);
    for _ in 0..100 {
        say(&vec![read(call.call, 1); 1000]);
    }
    vec![]
}));

fn main() {}
