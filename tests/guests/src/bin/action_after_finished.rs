//! Says more for a call that it has finished: logged and ignored.

use wasgi_guests::raw::{body, finished, respond, serve, start};

wasgi_guests::raw_app!(serve(|call| vec![
    respond(call.call, 200, "first"),
    finished(call.call),
    start(call.call, 500),
    body(call.call, "secret", false),
    finished(call.call),
]));

fn main() {}
