//! The contract of `wit/` without the SDK, for guests that break it on purpose.
//!
//! A raw guest is a closure from an opened call to whatever it wants to say; [`serve`] does everything else as the
//! contract wants it, so that each guest breaks one rule and no other.

/// What wit-bindgen makes of `wit/`.
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    dead_code,
    elided_lifetimes_in_paths,
    clippy::all,
    reason = "generated code"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "app",
        async: ["-import:wasgi:asgi/event-loop@0.1.0#exchange"],
        generate_unused_types: true,
        pub_export_macro: true,
        export_macro_name: "export_raw",
        // The SDK is linked too, and two sections of the same name would run into each other.
        type_section_suffix: "-raw",
        default_bindings_module: "wasgi_guests::raw::bindings",
    });

    /// `exchange` once more, as one waitable among others.
    pub mod beside {
        wit_bindgen::generate!({
            inline: "
                package wasgi:guest-beside;
                world beside { import wasgi:asgi/event-loop@0.1.0; }
            ",
            path: "../../wit",
            with: {
                "wasgi:asgi/types@0.1.0": super::wasgi::asgi::types,
                "wasgi:asgi/event-loop@0.1.0": generate,
            },
        });
    }
}

pub use bindings::beside::wasgi::asgi::event_loop::exchange as exchange_beside;
pub use bindings::wasgi::asgi::event_loop::{enter, exchange, say};
pub use bindings::wasgi::asgi::types::*;

/// Makes a component of an expression that is evaluated as the body of `run`.
#[macro_export]
macro_rules! raw_app {
    ($run:expr) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::raw::bindings::Guest for Component {
                async fn run() {
                    $run
                }
            }

    $crate::raw::bindings::export_raw!(Component with_types_in $crate::raw::bindings);
        };

        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = || {
            let _ = async { $run };
        };
    };
}

/// Runs a whole guest: `/ok` gets "ok", `/sibling` a part of a response, every other request what `odd` says. A call that the host has ended is finished
/// as the contract wants it.
pub fn serve(mut odd: impl FnMut(&HttpCall) -> Vec<Action>) {
    let mut said = vec![];
    loop {
        let events = exchange(&said, None);
        said.clear();
        for event in events {
            match event {
                Event::LifespanStartup => said.push(Action::Startup(Startup::Complete)),
                Event::LifespanShutdown => {
                    said.push(Action::Shutdown(Shutdown::Complete));
                    say(&said);
                    return;
                }
                Event::Http(call) if path(&call) == b"/ok" => {
                    said.push(respond(call.call, 200, "ok"));
                    said.push(finished(call.call));
                }
                Event::Http(call) if path(&call) == b"/sibling" => {
                    said.extend([start(call.call, 200), body(call.call, "part", true)]);
                }
                Event::Http(call) => said.extend(odd(&call)),
                Event::Disconnect(call) => said.push(finished(call)),
                _ => {}
            }
        }
    }
}

/// The path of the target.
pub fn path(call: &HttpCall) -> &[u8] {
    let target = &call.scope.target;
    let end = target.iter().position(|byte| *byte == b'?');
    &target[..end.unwrap_or(target.len())]
}

/// The query of the target.
pub fn query(call: &HttpCall) -> &[u8] {
    let target = &call.scope.target;
    let start = target.iter().position(|byte| *byte == b'?');
    start.map_or(b"", |start| &target[start + 1..])
}

/// Headers as they cross.
pub fn fields(headers: &[(&str, &str)]) -> Fields {
    let mut fields = Fields {
        text: vec![],
        lengths: vec![],
    };
    for (name, value) in headers {
        fields.text.extend_from_slice(name.as_bytes());
        fields.text.extend_from_slice(value.as_bytes());
        fields.lengths.push(FieldLength {
            name: name.len() as u32,
            value: value.len() as u32,
        });
    }
    fields
}

/// `respond` without headers.
pub fn respond(call: CallId, status: u16, body: &str) -> Action {
    respond_with(call, status, &[], body)
}

/// `respond`.
pub fn respond_with(call: CallId, status: u16, headers: &[(&str, &str)], body: &str) -> Action {
    Action::Respond(Response {
        call,
        status,
        headers: fields(headers),
        body: body.into(),
    })
}

/// `start` without headers.
pub fn start(call: CallId, status: u16) -> Action {
    start_with(call, status, &[])
}

/// `start`.
pub fn start_with(call: CallId, status: u16, headers: &[(&str, &str)]) -> Action {
    Action::Start(ResponseStart {
        call,
        status,
        headers: fields(headers),
        trailers: false,
    })
}

/// `body`.
pub fn body(call: CallId, body: impl Into<Vec<u8>>, more_body: bool) -> Action {
    Action::Body(BodyChunk {
        call,
        body: body.into(),
        more_body,
    })
}

/// `read`.
pub fn read(call: CallId, bytes: u32) -> Action {
    Action::Read(Credit { call, bytes })
}

/// `finished`, returned.
pub fn finished(call: CallId) -> Action {
    Action::Finished(Finished {
        call,
        outcome: Outcome::Returned,
    })
}

/// The parameter of this name in a query, as a number; 0 when there is none.
pub fn parameter(query: &[u8], name: &str) -> u16 {
    let found = crate::parameters(query)
        .into_iter()
        .find(|(key, _)| key == name);
    let text = found.and_then(|(_, value)| String::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
