//! Two `content-length`s that disagree (`/differ`), or one that is a list, signed, or larger than any number (`M-01`, `M-02`).

use wasgi_guests::raw::{finished, path, respond_with, serve};

wasgi_guests::raw_app!(serve(|call| {
    let headers: &[(&str, &str)] = match path(call) {
        b"/differ" => &[("content-length", "6"), ("content-length", "5")],
        b"/list" => &[("content-length", "6, 6")],
        b"/signed" => &[("content-length", "+6")],
        b"/hex" => &[("content-length", "0x6")],
        _ => &[("content-length", "18446744073709551622")],
    };
    vec![
        respond_with(call.call, 200, headers, "secret"),
        finished(call.call),
    ]
}));

fn main() {}
