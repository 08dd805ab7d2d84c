//! Breaks the contract: a WebSocket action for an http call; the query says which.

use wasgi_guests::raw::{
    Accept, Action, Close, Message, Payload, fields, finished, parameter, query, serve,
};

wasgi_guests::raw_app!(serve(|call| {
    let id = call.call;
    let odd = match parameter(query(call), "which") {
        0 => Action::Accept(Accept {
            call: id,
            subprotocol: None,
            headers: fields(&[]),
        }),
        1 => Action::Message(Message {
            call: id,
            payload: Payload::Text("secret".into()),
        }),
        _ => Action::Close(Close {
            call: id,
            code: 1000,
            reason: "secret".into(),
        }),
    };
    vec![odd, finished(id)]
}));

fn main() {}
