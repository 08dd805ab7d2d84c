//! Breaks the contract: a body that is not as long as `content-length` says (`M-02`, `M-03`).

use wasgi_guests::raw::{body, finished, path, respond_with, serve, start_with};

wasgi_guests::raw_app!(serve(|call| {
    let five = [("content-length", "5")];
    let id = call.call;
    match path(call) {
        b"/respond-more" => vec![
            respond_with(id, 200, &five, "much more than five"),
            finished(id),
        ],
        b"/respond-less" => vec![respond_with(id, 200, &five, "less"), finished(id)],
        b"/more" => vec![
            start_with(id, 200, &five),
            body(id, "123", true),
            body(id, "456", false),
            finished(id),
        ],
        b"/less" => vec![
            start_with(id, 200, &five),
            body(id, "123", false),
            finished(id),
        ],
        b"/mid-more" => vec![
            start_with(id, 200, &five),
            body(id, "123", true),
            body(id, "456", true),
            finished(id),
        ],
        _ => vec![
            start_with(id, 200, &[("content-length", "+5")]),
            body(id, "12345", false),
            finished(id),
        ],
    }
}));

fn main() {}
