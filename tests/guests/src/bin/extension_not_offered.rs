//! Breaks the contract: an extension that the scope did not offer (`A-14`); the query says which.

use wasgi_guests::raw::{
    Action, EarlyHint, Pathsend, ResponseStart, Trailers, body, fields, finished, parameter, query,
    serve, start,
};

wasgi_guests::raw_app!(serve(|call| {
    let id = call.call;
    let mut said = match parameter(query(call), "which") {
        0 => vec![Action::EarlyHint(EarlyHint {
            call: id,
            links: vec![b"</x>".to_vec()],
        })],
        1 => vec![
            start(id, 200),
            Action::Pathsend(Pathsend {
                call: id,
                path: "/etc/passwd".into(),
            }),
        ],
        2 => vec![
            start(id, 200),
            Action::Trailers(Trailers {
                call: id,
                headers: fields(&[]),
                more_trailers: false,
            }),
        ],
        _ => vec![Action::Start(ResponseStart {
            call: id,
            status: 200,
            headers: fields(&[]),
            trailers: true,
        })],
    };
    said.extend([body(id, "secret", false), finished(id)]);
    said
}));

fn main() {}
