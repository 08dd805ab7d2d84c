//! The bytes of `apps/hello`, said through `wasi:http`: for `wasmtime serve`, which starts an instance for each request.
//!
//! On the bare bindings, without an event loop, and with the length in the head, so that nothing is sent in chunks: as
//! little as such a guest can do.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

const HELLO: &[u8] = b"Hello, world!";

struct Hello;

impl Guest for Hello {
    fn handle(_request: IncomingRequest, response: ResponseOutparam) {
        // Where the host refuses something, the client finds no whole response, and the benchmark ends there.
        let _ = answer(response);
    }
}

fn answer(outparam: ResponseOutparam) -> Option<()> {
    let length = HELLO.len().to_string();
    let entries = [
        ("content-type".to_owned(), b"text/plain".to_vec()),
        ("content-length".to_owned(), length.into_bytes()),
    ];
    let Ok(fields) = Fields::from_list(&entries) else {
        ResponseOutparam::set(outparam, Err(ErrorCode::InternalError(None)));
        return None;
    };
    let response = OutgoingResponse::new(fields);
    let body = response.body().ok()?;
    ResponseOutparam::set(outparam, Ok(response));
    let stream = body.write().ok()?;
    stream.blocking_write_and_flush(HELLO).ok()?;
    drop(stream);
    OutgoingBody::finish(body, None).ok()
}

wasip2::http::proxy::export!(Hello);
