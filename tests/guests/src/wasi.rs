//! Parts of WASI that std does not show, for guests that misuse them: resources of version 0.2, streams of version 0.3.

#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    dead_code,
    elided_lifetimes_in_paths,
    clippy::all,
    reason = "generated code"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package wasgi:guest-wasi;

            world guest-wasi {
                import wasi:clocks/monotonic-clock@0.2.3;
                import wasi:random/random@0.2.3;
                import wasi:cli/stdout@0.3.0;
            }

            package wasi:io@0.2.3 {
                interface poll {
                    resource pollable { block: func(); }
                    poll: func(in: list<borrow<pollable>>) -> list<u32>;
                }
            }

            package wasi:clocks@0.2.3 {
                interface monotonic-clock {
                    use wasi:io/poll@0.2.3.{pollable};
                    type instant = u64;
                    type duration = u64;
                    now: func() -> instant;
                    subscribe-duration: func(when: duration) -> pollable;
                }
            }

            package wasi:random@0.2.3 {
                interface random {
                    get-random-bytes: func(len: u64) -> list<u8>;
                }
            }

            package wasi:cli@0.3.0 {
                interface types { enum error-code { io, illegal-byte-sequence, pipe } }
                interface stdout {
                    use types.{error-code};
                    write-via-stream: func(data: stream<u8>) -> future<result<_, error-code>>;
                }
            }
        ",
        generate_all,
        type_section_suffix: "-wasi",
    });
}

pub use bindings::wasi::cli::stdout::write_via_stream;
pub use bindings::wasi::clocks::monotonic_clock::{now, subscribe_duration};
pub use bindings::wasi::io::poll::{Pollable, poll};
pub use bindings::wasi::random::random::get_random_bytes;
pub use bindings::wit_stream;
