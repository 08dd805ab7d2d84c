//! Tests through the front door: sockets in, bytes out, and what the log says of it.
//!
//! Ids such as `R-06` name lines of the ASGI contract that wasgi keeps. A guest or an app without a test of its name does
//! not compile. A test that is ignored shows something that is known to be wrong, and says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod account;
mod any_guest;
mod apps;
mod cli;
mod conformance;
mod contract;
mod data;
mod disconnect;
mod exits;
mod extensions;
mod files;
mod gallery;
mod h2_frames;
mod hosting;
mod http;
mod instances;
mod lifespan;
mod limits;
mod load_errors;
mod logs;
mod memory;
mod overload;
mod overtime;
mod peers;
mod properties;
mod proxy;
mod python;
mod replace;
mod room;
mod scope;
mod slow;
mod soak;
mod stop;
mod stream;
mod tidy;
mod tls;
mod twins;
mod websocket;
mod wire;

/// The tests of guests and apps, to be looked up by name.
mod named {
    #[allow(
        unused_imports,
        reason = "what is not named after a guest is not looked up"
    )]
    pub(crate) use super::{
        apps::*, contract::*, disconnect::*, exits::*, files::*, gallery::*, hosting::*, http::*,
        instances::*, lifespan::*, limits::*, logs::*, overtime::*, peers::*, scope::*, stream::*,
        websocket::*,
    };
}

macro_rules! a_test_exists {
    ($name:ident) => {
        #[allow(unused_imports, reason = "that it is there is all that is asked for")]
        use named::$name as _;
    };
}

wasgi_tests::foreach_guest!(a_test_exists);
wasgi_tests::foreach_app!(a_test_exists);
