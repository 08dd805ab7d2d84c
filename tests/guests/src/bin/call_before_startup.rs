//! Breaks the contract: speaks for a call before start-up has been answered.

use wasgi_guests::raw::{exchange, respond};

wasgi_guests::raw_app!({
    exchange(&[], None);
    exchange(&[respond(1, 200, "secret")], None);
});

fn main() {}
