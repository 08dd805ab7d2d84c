//! Breaks the contract: lengths that do not fit the text of the headers.

use wasgi_guests::raw::{Action, FieldLength, Fields, Response, finished, parameter, query, serve};

wasgi_guests::raw_app!(serve(|call| {
    let length = |name, value| FieldLength { name, value };
    let lengths = match parameter(query(call), "which") {
        0 => vec![length(3, 100)],
        1 => vec![length(1, 1)],
        2 => vec![length(u32::MAX, u32::MAX)],
        _ => vec![],
    };
    let headers = Fields {
        text: b"x-ab".to_vec(),
        lengths,
    };
    let response = Response {
        call: call.call,
        status: 200,
        headers,
        body: b"secret".to_vec(),
    };
    vec![Action::Respond(response), finished(call.call)]
}));

fn main() {}
