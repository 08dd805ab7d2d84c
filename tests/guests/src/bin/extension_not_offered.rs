//! Breaks the contract: an extension that the scope did not offer, or not in its turn (`A-14`, `E-02`, `E-06`); the query
//! says which.

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
        3 => vec![announcing(id)],
        // Trailers that are none, behind a body that has been sent.
        4 => vec![
            announcing(id),
            body(id, "part", false),
            Action::Trailers(Trailers {
                call: id,
                headers: fields(&[("content-length", "5")]),
                more_trailers: false,
            }),
        ],
        5 => vec![announcing(id), body(id, "part", false)],
        6 => vec![
            announcing(id),
            Action::Pathsend(Pathsend {
                call: id,
                path: "/1/x".into(),
            }),
        ],
        _ => vec![
            start(id, 200),
            body(id, "", true),
            Action::Pathsend(Pathsend {
                call: id,
                path: "/1/x".into(),
            }),
        ],
    };
    said.extend([body(id, "secret", false), finished(id)]);
    said
}));

fn announcing(call: u64) -> Action {
    Action::Start(ResponseStart {
        call,
        status: 200,
        headers: fields(&[]),
        trailers: true,
    })
}

fn main() {}
