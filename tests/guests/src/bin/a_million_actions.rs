//! Breaks the contract: a million actions in one batch.

use wasgi_guests::raw::{read, serve};

wasgi_guests::raw_app!(serve(|call| { vec![read(call.call, 0); 1_000_000] }));

fn main() {}
