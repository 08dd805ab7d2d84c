//! WebSocket (`W-01`–`W-31`): what an app sees of it with a guest of either language (`matrix`, `scenes`), and what is on the wire.

mod bad_input;
mod deflate;
mod ends;
mod handshake;
mod http2;
mod matrix;
mod messages;
mod routes;
mod scenes;

pub(crate) use routes::websocket_routes;
pub(crate) use scenes::websocket_as_asked;

use wasgi_tests::{Client, Response, Running, Serve, WebSocket, guests};

/// A server with the guest that does as its path and query say.
fn server() -> Running {
    Serve::guest(guests::WEBSOCKET_AS_ASKED).start()
}

trait Connect {
    fn websocket(&self, target: &str) -> WebSocket;
    fn refused(&self, target: &str) -> Box<Response>;
}

impl Connect for Running {
    /// A WebSocket of its own connection.
    #[track_caller]
    fn websocket(&self, target: &str) -> WebSocket {
        let Ok(socket) = self.client().websocket(target, &[]) else {
            panic!("not accepted");
        };
        socket
    }

    /// The response of a handshake that is not accepted.
    #[track_caller]
    fn refused(&self, target: &str) -> Box<Response> {
        let Err(response) = self.client().websocket(target, &[]) else {
            panic!("accepted");
        };
        response
    }
}

/// Asks for a WebSocket with exactly these bytes behind the request line, and reads the head of the answer.
fn ask(client: &mut Client, method: &str, headers: &str) -> Response {
    client.send(format!(
        "{method} /echo HTTP/1.1\r\nhost: test\r\n{headers}\r\n"
    ));
    client.head()
}

/// How the WebSocket of this path ended, as the access line says: status, word, close code.
fn ended(server: &Running, path: &str) -> (String, String, String) {
    let line = server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == path);
    let field = |name: &str| line.field(name).to_owned();
    (field("status"), field("outcome"), field("close"))
}
