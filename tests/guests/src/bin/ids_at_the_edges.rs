//! Breaks the contract: actions for the call 0 (`/zero`), for the last number there is, or for the next call that is to come
//! (`/next`).

use wasgi_guests::raw::{path, respond, serve};

wasgi_guests::raw_app!(serve(|call| {
    let id = match path(call) {
        b"/zero" => 0,
        b"/next" => call.call + 1,
        _ => u64::MAX,
    };
    vec![respond(id, 200, "secret")]
}));

fn main() {}
