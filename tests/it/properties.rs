//! What holds for any target and any headers, from the socket through the contract into an app and back.

use std::collections::BTreeMap;

use wasgi_tests::{Dice, Serve, guests};

/// Percent-decoding as one would say it: replace each `%XX` from the left.
fn decoded(raw: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = raw.as_bytes();
    while !rest.is_empty() {
        let hex = rest
            .get(1..3)
            .filter(|hex| rest[0] == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        match hex {
            Some(hex) => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                rest = &rest[3..];
            }
            None => {
                bytes.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Path, raw path, query, root path of any target.
#[test]
fn any_target_reaches_the_app_as_it_came() {
    const PIECES: &[&str] = &[
        "/", "a", "b", "+", "%", "%2", "%2F", "%2f", "%41", "%e4", "%B8", "%ad", "%ff", "%00",
        "%zz", "%3F", "..", ";", "~", "?", "&=", "root",
    ];
    let server = Serve::guest(guests::REPORT_SCOPE)
        .root_path("/root")
        .start();
    let mut client = server.client();
    let mut dice = Dice(0x0007_a26e);
    for _ in 0..1000 {
        let target = format!("/{}", dice.text(PIECES, 12));
        let (raw, query) = target.split_once('?').unwrap_or((&target, ""));
        // The mount comes first: what the client asks for is below it.
        let raw = format!("/root{raw}");
        let path = decoded(&raw);
        let scope = client.get(&target);
        assert_eq!(scope.status, 200, "{target}");
        let local = path.strip_prefix("/root").unwrap();
        for (key, value) in [
            ("path", path.escape_debug().to_string()),
            ("raw_path", raw.as_bytes().escape_ascii().to_string()),
            ("query_string", query.as_bytes().escape_ascii().to_string()),
            ("root_path", "/root".to_owned()),
            ("local_path", local.escape_debug().to_string()),
        ] {
            assert_eq!(scope.value(key), value, "{key} of {target}");
        }
    }
}

const NAMES: &[&str] = &[
    "x-a",
    "X-B",
    "x-long-name_with.odd~letters!",
    "Accept",
    "X-a",
    "set-cookie",
    "vary",
];
const VALUES: &[&str] = &[
    "a", "B", " ", "\t", ",", ";", "=", "\"", "\\", "é", "%41", ":", "0",
];

/// Some headers, of which a name may come again, with bytes as values.
fn headers(dice: &mut Dice) -> Vec<(String, String)> {
    let pair = |dice: &mut Dice| {
        let name = NAMES[dice.below(NAMES.len())].to_owned();
        (name, dice.text(VALUES, 12).trim().to_owned())
    };
    (0..dice.below(12)).map(|_| pair(dice)).collect()
}

/// The values of each name, in order, the name in lower case.
fn by_name(pairs: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        all.entry(name.to_lowercase()).or_default().push(value);
    }
    all
}

/// Every value reaches the app, byte for byte, those of one name in their order.
#[test]
fn any_request_headers_reach_the_app_as_they_came() {
    let server = Serve::guest(guests::REPORT_SCOPE).start();
    let mut client = server.client();
    let mut dice = Dice(0x4ead_e125);
    for _ in 0..500 {
        let sent = headers(&mut dice);
        let mut request = "GET / HTTP/1.1\r\nhost: test\r\n".to_owned();
        for (name, value) in &sent {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let scope = client.send(request + "\r\n").response();
        let text = scope.text();
        let came = text.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("header=")?.split_once(": ")?;
            (name != "host").then(|| (name.to_owned(), value.to_owned()))
        });
        let escaped =
            |(name, value): (String, String)| (name, value.as_bytes().escape_ascii().to_string());
        assert_eq!(by_name(came), by_name(sent.into_iter().map(escaped)));
    }
}

/// What the app says reaches the client, byte for byte, the values of one name in their order.
#[test]
fn any_response_headers_reach_the_client_as_they_were_said() {
    for serve in crate::twins::answer_as_asked() {
        let server = serve.headers(&[], false, false).start();
        let mut client = server.client();
        let mut dice = Dice(0x5e7d_0001);
        for _ in 0..200 {
            let said = headers(&mut dice);
            let encode = |text: &str| {
                text.bytes()
                    .map(|byte| format!("%{byte:02x}"))
                    .collect::<String>()
            };
            let query: Vec<_> = said
                .iter()
                .map(|(name, value)| format!("header={}", encode(&format!("{name}:{value}"))))
                .collect();
            let response = client.get(&format!("/?{}", query.join("&")));
            let came = response
                .headers
                .iter()
                .filter(|(name, _)| name != "transfer-encoding" && name != "content-length");
            // The client shows bytes as Latin-1.
            let shown =
                |(name, value): (String, String)| (name, value.bytes().map(char::from).collect());
            assert_eq!(by_name(came.cloned()), by_name(said.into_iter().map(shown)));
        }
    }
}
