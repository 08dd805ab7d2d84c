//! Behaviours that exist as a Rust guest and as a Python guest. A test that loops over both shows that they are the same.

use wasgi_tests::{Serve, guests};

/// Answers as the query says: see `tests/guests/src/bin/answer_as_asked.rs`.
pub(crate) fn answer_as_asked() -> [Serve; 2] {
    [
        Serve::guest(guests::ANSWER_AS_ASKED),
        Serve::python("behaviours"),
    ]
}

/// Go on when their client has what it gets, or is gone: see `tests/guests/src/bin/outlast.rs`.
pub(crate) fn outlast() -> [Serve; 2] {
    [Serve::guest(guests::OUTLAST), Serve::python("behaviours")]
}

/// Send 26 MB at `/flood` as fast as they may: see `tests/guests/src/bin/flood_a_slow_reader.rs`.
pub(crate) fn flood() -> [Serve; 2] {
    [
        Serve::guest(guests::FLOOD_A_SLOW_READER),
        Serve::python("behaviours"),
    ]
}

/// Does with a WebSocket what its query says: see `tests/guests/src/bin/websocket_as_asked.rs`.
pub(crate) fn websocket_as_asked() -> [Serve; 2] {
    [
        Serve::guest(guests::WEBSOCKET_AS_ASKED),
        Serve::python("behaviours"),
    ]
}
