//! Says that it works for another call, and traps: who is to blame is the guest's word, and costs nobody but its own clients
//! (`G-04`). `/wait` is the call that it names.

use std::cell::Cell;

use wasgi_guests::raw::{Action, enter, path, serve};

thread_local! {
    static WAITING: Cell<u64> = const { Cell::new(0) };
}

wasgi_guests::raw_app!(serve(|call| -> Vec<Action> {
    if path(call) == b"/wait" {
        println!("waiting");
        WAITING.set(call.call);
        return vec![];
    }
    enter(WAITING.get());
    panic!("as it was asked to")
}));

fn main() {}
