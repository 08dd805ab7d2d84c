//! Breaks the contract: the status of the query, whatever it is (`R-10`).

use wasgi_guests::raw::{finished, parameter, path, query, respond, serve, start};

wasgi_guests::raw_app!(serve(|call| {
    let status = parameter(query(call), "status");
    let said = match path(call) {
        b"/start" => start(call.call, status),
        _ => respond(call.call, status, "secret"),
    };
    vec![said, finished(call.call)]
}));

fn main() {}
