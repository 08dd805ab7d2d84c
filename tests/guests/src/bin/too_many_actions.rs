//! Breaks the contract: 2000 actions in one batch.

use wasgi_guests::raw::{read, serve};

wasgi_guests::raw_app!(serve(|call| vec![read(call.call, 0); 2000]));

fn main() {}
