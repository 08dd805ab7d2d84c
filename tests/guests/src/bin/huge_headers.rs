//! A response with a hundred thousand headers, past the SDK (`F-09`, `R-11`).

use wasgi_guests::raw::{finished, respond_with, serve};

wasgi_guests::raw_app!(serve(|call| vec![
    respond_with(call.call, 200, &vec![("x", "y"); 100_000], "secret"),
    finished(call.call),
]));

fn main() {}
