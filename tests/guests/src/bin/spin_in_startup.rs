//! Computes for ever before it has answered `lifespan.startup`.

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if let Scope::Http(_) = scope {
        return text(&send, 200, "ok").await;
    }
    println!("spinning in startup");
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

wasgi_sdk::app!(app);

fn main() {}
