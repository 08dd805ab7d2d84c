//! WebSocket (`W-01`–`W-31`).

mod matrix;
mod routes;
mod scenes;

pub(crate) use routes::websocket_routes;
pub(crate) use scenes::websocket_as_asked;
