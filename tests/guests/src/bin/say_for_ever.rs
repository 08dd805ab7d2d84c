//! Says nothing, and says it again: `say` without an end (`G-06`).

use wasgi_guests::raw::{Action, say, serve};

wasgi_guests::raw_app!(serve(|_| -> Vec<Action> {
    loop {
        say(&[]);
    }
}));

fn main() {}
