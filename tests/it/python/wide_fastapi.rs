//! What `tests/python/wide_fastapi` is asked.

use wasgi_tests::noise;

use super::ask::{Ask, ask, form, get, json, multipart, post};

/// All requests, in their order.
pub(super) fn asks() -> Vec<Ask> {
    [app(), items(), inputs(), answers(), dependencies()].concat()
}

fn app() -> Vec<Ask> {
    let mut asks: Vec<_> = [
        "/",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/sync",
        "/sync?name=%C3%BC",
        "/page",
        "/page?name=%26",
        "/state",
        "/state",
        "/errors/http",
        "/errors/http?status=418",
        "/errors/http?status=abc",
        "/errors/sold",
        "/errors/sold?what=%F0%9F%8D%B5",
        "/errors/unhandled",
        "/nowhere",
        "/many",
        "/static/letters.txt",
        "/static/none.txt",
        "/below/add?a=1&b=2",
        "/below/add?a=x",
        "/below/documentation",
        "/below/openapi.json",
        "/below/redoc",
        "/below",
    ]
    .map(get)
    .into();
    asks.extend([
        ask("HEAD", "/"),
        ask("POST", "/"),
        ask("PUT", "/many"),
        ask("PATCH", "/many"),
        ask("DELETE", "/many").body("", "with a body"),
        get("/session").jar("one"),
        get("/session").jar("one"),
        get("/").header("origin", "https://example.org"),
        ask("OPTIONS", "/items/")
            .header("origin", "https://example.org")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type, x-token"),
        ask("OPTIONS", "/items/")
            .header("origin", "https://evil.example.com")
            .header("access-control-request-method", "POST"),
        get("/static/letters.txt").header("range", "bytes=3-5"),
        get("/static/letters.txt").header("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ]);
    asks
}

fn items() -> Vec<Ask> {
    let mut asks: Vec<_> = [
        "/items/",
        "/items",
        "/items/?skip=1&limit=1&loud=yes",
        "/items/?name=tea&name=caf%C3%A9",
        "/items/?skip=-1&limit=101&loud=maybe",
        "/items/?skip=one",
        "/items/1",
        "/items/2",
        "/items/3",
        "/items/0",
        "/items/1001",
        "/items/1.5",
        "/items/one",
        "/items/1/brief",
        "/items/2/brief",
        "/items/9/brief",
        "/items/sized/small",
        "/items/sized/medium",
        "/items/broken/response",
        "/items/at/2023-11-14T22:13:20Z",
        "/items/at/2023-11-14T22:13:20.5+05:30",
        "/items/at/1700000000",
        "/items/at/yesterday",
    ]
    .map(get)
    .into();
    for body in [
        r#"{"name": "tea", "price": 3.5}"#,
        r#"{"name": "tea", "price": "3.50", "size": "large", "tags": ["hot", "hot"], "makers": [{"name": "Ada", "site": "https://example.org/x?y"}], "stock": {"a": 1}}"#,
        r#"{"name": "Tea", "price": 0, "size": "huge", "tags": ["warm"], "makers": [{"name": ""}], "stock": {"a": "b"}}"#,
        r#"{"name": "love", "price": 1}"#,
        r#"{"name": "tea", "price": 1, "size": "large"}"#,
        r#"{"name": "tea", "price": 12345.678}"#,
        r#"{"price": null, "extra": 1}"#,
        r#"{"name": "tea", "price": 3.5"#,
        r#"{"name": "tea" "price": 3.5}"#,
        r#"{'name': 'tea'}"#,
        r#"[1, 2]"#,
        r#""tea""#,
        "null",
        "",
        "NaN",
    ] {
        asks.push(json("/items/", body));
    }
    asks.extend([
        post("/items/", "text/plain", r#"{"name": "tea", "price": 3.5}"#),
        post("/items/", "application/vnd.api+json", r#"{"name": "tea", "price": 3.5}"#),
        post("/items/", "", r#"{"name": "tea", "price": 3.5}"#),
        post("/items/", "application/json", b"{\"name\": \"\xff\"}"),
        form("/items/", "name=tea&price=3.5"),
        ask("PUT", "/items/5?note=n").body(
            "application/json",
            r#"{"item": {"name": "tea", "price": "1"}, "importance": 3}"#,
        ),
        ask("PUT", "/items/five").body("application/json", r#"{"item": {"name": 5}, "importance": 0}"#),
        ask("DELETE", "/items/1"),
        ask("DELETE", "/items/x"),
        json(
            "/items/everything",
            r#"{"moment": "2023-11-14T22:13:20+02:00", "day": "2023-11-14", "hour": "22:13:20.25", "span": "P1DT2H", "id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "price": "10.10", "raw": "gr\u00fc\u00dfe", "either": "7"}"#,
        ),
        json(
            "/items/everything",
            r#"{"moment": "never", "day": "2023-02-30", "hour": "25:00", "span": "long", "id": "1", "price": "x", "raw": 1, "either": [], "maybe": "no"}"#,
        ),
        json(
            "/items/everything",
            r#"{"moment": 1700000000, "day": 1699920000, "hour": 3600, "span": 90061.5, "id": "6BA7B8109DAD11D180B400C04FD430C8", "price": 1e3, "raw": "", "either": 7, "maybe": 1}"#,
        ),
        json("/items/pets", r#"[{"kind": "cat"}, {"kind": "dog", "tricks": ["sit"]}]"#),
        json("/items/pets", r#"[{"kind": "cow"}, {"lives": 1}, {"kind": "dog"}, 5]"#),
    ]);
    asks
}

fn inputs() -> Vec<Ask> {
    let mut asks: Vec<_> = [
        "/in/files/a/b%20c/%C3%BC",
        "/in/query",
        "/in/query?limit=5&order=price&tags=a&tags=b",
        "/in/query?limit=0&color=red&limit=7",
        "/in/many-queries?a=1&b=2.5&c=on&d=&e=abc",
        "/in/many-queries?a=1e3&b=inf&c=2&e=abcd",
        "/in/many-queries",
        "/in/headers",
        "/in/cookies",
    ]
    .map(get)
    .into();
    let megabyte = noise(1024 * 1024);
    let nested = |depth: usize| {
        format!(
            "{}{{\"value\": 1}}{}",
            "{\"value\": 1, \"children\": [".repeat(depth),
            "]}".repeat(depth)
        )
    };
    asks.extend([
        get("/in/headers")
            .header("user-agent", "tests/1")
            .header("x-tag", "a")
            .header("x-tag", "b")
            .header("if-modified-since", "never"),
        get("/in/cookies").header("cookie", "tracker=abc; number=7"),
        get("/in/cookies").header("cookie", "tracker=; number=seven"),
        form("/in/form", "user=ada&age=36"),
        form("/in/form", "age=-1"),
        form("/in/form", ""),
        multipart(
            "/in/form",
            &[("user", "", "", b"ada"), ("age", "", "", b"x")],
        ),
        json("/in/form", r#"{"user": "ada"}"#),
        form("/in/login", "user=ada&password=%C3%BC+%26&remember=on"),
        form("/in/login", "user=a&remember=perhaps"),
        multipart(
            "/in/upload",
            &[
                (
                    "file",
                    "; filename=\"big.bin\"",
                    "application/octet-stream",
                    &megabyte,
                ),
                ("note", "", "", "grüße".as_bytes()),
            ],
        ),
        multipart("/in/upload", &[("note", "", "", b"no file")]),
        multipart("/in/upload", &[("file", "", "", b"a field, not a file")]),
        multipart(
            "/in/uploads",
            &[
                ("files", "; filename=\"a\"", "", b"aaa"),
                (
                    "files",
                    "; filename=\"b\"",
                    "text/plain",
                    &megabyte[..70_000],
                ),
                ("raw", "; filename=\"c\"", "", b"ccccc"),
            ],
        ),
        json("/in/tree", &nested(3)),
        json("/in/tree", &nested(40)),
        json("/in/tree", &nested(3).replace('1', "\"x\"")),
        json(
            "/in/any",
            r#"{"b": [1.0, 1e2, -0, "\u0000\ud83c\udf75"], "a": {}}"#,
        ),
        json("/in/any", "[[[[1]]]]"),
        json("/in/any", "123456789012345678901234567890.5"),
        post("/in/raw", "application/octet-stream", &megabyte),
        post("/in/raw", "application/octet-stream", &megabyte).chunked(12_345),
        json("/in/embedded", r#"{"value": 7}"#),
        json("/in/embedded", "7"),
        json("/in/embedded", r#"{"value": "7.0"}"#),
    ]);
    asks
}

fn answers() -> Vec<Ask> {
    let mut asks: Vec<_> = [
        "/out/point?x=1",
        "/out/point?x=1.5",
        "/out/text",
        "/out/none",
        "/out/redirect",
        "/out/cookies",
        "/out/json",
        "/out/stream",
        "/out/stream?pieces=1000",
        "/out/stream/thread",
        "/out/events",
        "/out/file",
        "/out/big",
        "/out/big?n=20000",
        "/out/nan",
    ]
    .map(get)
    .into();
    asks.extend([
        ask("POST", "/out/background?what=one"),
        get("/out/journal?until=3"),
        ask("POST", "/out/background?what=two"),
        get("/out/journal?until=5"),
        ask("POST", "/out/background"),
        get("/out/file").header("range", "bytes=-2"),
    ]);
    asks
}

fn dependencies() -> Vec<Ask> {
    let basic = |pair: &str| get("/deps/basic").header("authorization", format!("Basic {pair}"));
    let mut asks: Vec<_> = [
        "/deps/paging?skip=5&name=ada",
        "/deps/paging?limit=x",
        "/deps/yield",
        "/deps/log",
        "/deps/yield/error",
        "/deps/log",
        "/deps/yield/value",
        "/deps/log",
        "/deps/cached",
        "/deps/cached",
        "/deps/token",
        "/deps/me",
        "/deps/basic",
        "/deps/key",
    ]
    .map(get)
    .into();
    asks.extend([
        get("/deps/token").header("x-token", "open sesame"),
        get("/deps/token").header("x-token", "open up"),
        get("/deps/me").header("authorization", "Bearer ada:me,items"),
        get("/deps/me").header("authorization", "Bearer ada:items"),
        get("/deps/me").header("authorization", "Basic x"),
        basic("YWRhOmdyw7zDn2U="),
        basic("YWRhOndyb25n"),
        basic("not base64"),
        get("/deps/key").header("x-key", "k"),
    ]);
    asks
}
