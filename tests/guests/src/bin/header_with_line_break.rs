//! Breaks the contract: a header that would forge a second one (`F-08`); the query says which.

use wasgi_guests::raw::{finished, parameter, query, respond_with, serve};

wasgi_guests::raw_app!(serve(|call| {
    let headers: &[(&str, &str)] = match parameter(query(call), "which") {
        0 => &[("x-a", "b\r\nx-forged: 1")],
        1 => &[("x-a\r\nx-forged: 1\r\nx-b", "c")],
        2 => &[("x-a", "b\nx-forged: 1")],
        3 => &[("x-a", "b\0")],
        4 => &[(":status", "201")],
        5 => &[("", "x")],
        6 => &[("x a", "b")],
        _ => &[("content-length", "1"), ("content-length", "6")],
    };
    vec![
        respond_with(call.call, 200, headers, "secret"),
        finished(call.call),
    ]
}));

fn main() {}
