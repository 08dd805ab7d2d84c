//! Trailers that would have had to be known before the body (`E-06`, RFC 9110 6.5.1): the path names the field.

use wasgi_guests::raw::{Action, ResponseStart, Trailers, body, fields, finished, path, serve};

wasgi_guests::raw_app!(serve(|call| {
    let name = String::from_utf8_lossy(&path(call)[1..]).into_owned();
    let id = call.call;
    vec![
        Action::Start(ResponseStart {
            call: id,
            status: 200,
            headers: fields(&[("trailer", &name)]),
            trailers: true,
        }),
        body(id, "whole", false),
        Action::Trailers(Trailers {
            call: id,
            headers: fields(&[(&name, "secret")]),
            more_trailers: false,
        }),
        finished(id),
    ]
}));

fn main() {}
