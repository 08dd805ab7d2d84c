//! A request that asks for a WebSocket, from its call to its answer: 101, 403, a denial, or what went wrong (`W-04`–`W-08`, `E-01`).
//!
//! `request.rs` has opened the call. Here it is waited for the app's answer; where that is an accept, the session gets the stream when
//! hyper is done with it.

use std::future::poll_fn;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::end::SocketEnd;
use super::handshake::Offer;
use super::session::{Accepted, Session};
use crate::asgi::WebSocket;
use crate::asgi::websocket::Handshake;
use crate::server::access::Access;
use crate::server::body::{ResponseBody, ServerEnd};
use crate::server::refused::Refused;
use crate::server::request::{accepted, answered};
use crate::server::route::Mount;

/// What a good handshake has asked for.
pub(in crate::server) struct Asked {
    pub(in crate::server) offer: Offer,
    /// hyper's promise of the stream. Over HTTP/1 the connection itself is handed over, and this is not needed.
    pub(in crate::server) upgrade: Option<OnUpgrade>,
}

/// Waits for the app's answer.
pub(in crate::server) async fn serve(
    socket: Arc<WebSocket>,
    mount: Mount,
    asked: Asked,
    access: Access,
    version: Version,
) -> Response<ResponseBody> {
    let abandoned = access.abandoned(version, mount.app);
    let socket = SocketEnd::new(socket, abandoned.clone());
    match poll_fn(|cx| socket.poll_handshake(cx)).await {
        Ok(Handshake::Accepted {
            subprotocol,
            headers,
        }) => {
            let (status, headers) = asked.offer.accepted(subprotocol, headers);
            let response = head(status, headers, &access);
            let window_bits = asked.offer.window_bits();
            upgrade(socket, access, window_bits, asked.upgrade, status, version);
            response
        }
        Ok(Handshake::Refused) => {
            Refused::new(StatusCode::FORBIDDEN, "refused").respond(access, version)
        }
        Ok(Handshake::Denied(call)) => {
            let call = ServerEnd {
                call,
                pool: mount.pool,
                request_id: access.request_id(),
                abandoned,
            };
            deny(call, access, version).await
        }
        Err(failure) => Refused::from(failure).respond(access, version),
    }
}

/// The head that accepts it.
fn head(
    status: StatusCode,
    mut headers: http::HeaderMap,
    access: &Access,
) -> Response<ResponseBody> {
    access
        .connection()
        .server
        .settings
        .headers
        .add_to(&mut headers);
    let mut response = Response::new(ResponseBody::none());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Hands the session on to where its stream will be.
fn upgrade(
    socket: SocketEnd,
    mut access: Access,
    window_bits: Option<u8>,
    upgrade: Option<OnUpgrade>,
    status: StatusCode,
    version: Version,
) {
    access.status(status);
    let connection = access.connection().clone();
    let accepted = Accepted {
        socket,
        access,
        window_bits,
    };
    match upgrade {
        Some(upgrade) if version == Version::HTTP_2 => {
            tokio::spawn(async move {
                // A client that is gone by now is lost: dropping it says so.
                if let Ok(stream) = upgrade.await {
                    let settings = &connection.server.settings;
                    let stalled = settings.wire.stalled_write;
                    let stream = TokioIo::new(stream);
                    Session::new(stream, accepted, &settings.websocket, stalled)
                        .run()
                        .await;
                }
            });
        }
        _ => connection.become_websocket(accepted),
    }
}

/// `E-01`: over HTTP/1 the connection closes behind it.
async fn deny(call: ServerEnd, access: Access, version: Version) -> Response<ResponseBody> {
    let (mut head, payload) = match answered(call, false).await {
        Ok(answered) => answered,
        Err(refused) => return refused.respond(access, version),
    };
    if version < Version::HTTP_2 {
        head.headers
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    } else if head.status.is_success() {
        // RFC 8441 5: that would accept it.
        tracing::debug!("a denial with a status that accepts, over HTTP/2");
        return Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "violation")
            .respond(access, version);
    }
    accepted(head, payload, access, version)
}
