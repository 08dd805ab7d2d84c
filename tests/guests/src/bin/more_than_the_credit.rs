//! Breaks the contract: body beyond the mark without waiting for `writable` (`G-20`).

use wasgi_guests::raw::{body, finished, serve, start};

wasgi_guests::raw_app!(serve(|call| {
    let chunk = || body(call.call, vec![b'x'; 65_536], true);
    // The first fills the mark, the second crosses it and is taken whole, the third is the violation.
    vec![
        start(call.call, 200),
        chunk(),
        chunk(),
        chunk(),
        finished(call.call),
    ]
}));

fn main() {}
