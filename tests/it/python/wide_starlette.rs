//! What `tests/python/wide_starlette` is asked.

use wasgi_tests::noise;

use super::ask::{Ask, ask, form, get, json, multipart, post};

/// All requests, in their order.
pub(super) fn asks() -> Vec<Ask> {
    [answers(), asking(), bodies(), work(), layers(), files()].concat()
}

fn answers() -> Vec<Ask> {
    let mut asks: Vec<_> = [
        "/",
        "/json",
        "/html",
        "/page",
        "/page?say=%3Cb%3E%E2%98%83",
        "/redirect",
        "/redirect?to=https%3A%2F%2Fexample.org%2F%C3%BC%3Fa%3D1%26b%3D2&status=303",
        "/redirect?to=..%2Fup%20and%20away%0D%0Ax-forged%3A%201",
        "/download",
        "/headers",
        "/cookies/set",
        "/errors/http",
        "/errors/http?status=503",
        "/errors/http?status=204",
        "/errors/value",
        "/errors/teapot",
        "/errors/unhandled",
        "/errors/group",
        "/errors/nothing",
        "/box",
        "/raw",
        "/raw/deep/er?x",
        "/nowhere",
        "/no%2Fwhere/%3Cscript%3E",
        "/long?kib=1024",
    ]
    .map(get)
    .into();
    for status in [
        200, 201, 203, 204, 299, 304, 400, 404, 416, 418, 451, 500, 599,
    ] {
        asks.push(get(&format!("/status/{status}")));
    }
    for (method, target) in [
        ("HEAD", "/"),
        ("HEAD", "/json"),
        ("HEAD", "/nowhere"),
        ("HEAD", "/stream"),
        ("HEAD", "/stream/sized"),
        ("HEAD", "/status/304"),
        ("POST", "/"),
        ("DELETE", "/box"),
        ("PATCH", "/echo"),
        ("OPTIONS", "/box"),
        ("POST", "/box?what=tea"),
        ("BREW", "/"),
    ] {
        asks.push(ask(method, target));
    }
    asks.extend([
        get("/").http_1_0(),
        get("/stream").http_1_0(),
        get("/").http_1_0().header("connection", "keep-alive"),
        get("/").header("connection", "close"),
        get("/who").host("api.example.org"),
        get("/who"),
        get("/trusted/"),
        get("/trusted/").host("shop.example.org:8000"),
        get("/trusted/").host("evil.example.com"),
    ]);
    asks
}

fn asking() -> Vec<Ask> {
    let mut asks: Vec<_> = [
        "/items/42",
        "/items/007",
        "/items/-1",
        "/items/ten",
        "/items/42/",
        "/prices/3.50",
        "/files/a/b//c.txt",
        "/files/",
        "/files/%2e%2e/%2Fetc/passwd",
        "/files/gr%C3%BC%C3%9Fe/%E2%98%83%20%F0%9D%84%9E",
        "/files/%FF%FE%00%7F",
        "/files/100%25/%zz/%",
        "/files/a+b;c=d,e@f:g!$&'()*~",
        "/ids/6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "/ids/not-an-id",
        "/hex/ff",
        "/names/ada/lovelace",
        "/names/a%2Fb/c",
        "/query",
        "/query?",
        "/query?a=1&b=2&a=3&empty=&none&=x&%C3%BC=%E2%98%83&plus=a+b&bad=%FF",
        "/query?a=1;b=2&&c=%26%3D%23",
        "/query?q=%2B%20%25&array[]=1&array[]=2",
        "/request-headers",
        "/cookies",
        "/scope",
        "/scope?x=%ff&y",
        "/scope/a%2Fb/%E4%B8%AD/x//../y+z?q",
        "/mounted/scope/deep/er?x=1",
        "/mounted/url",
        "/url?a=1&b=2",
        "/state?by=one",
        "/state?by=two",
        "/context",
        "/thread?a=1&a=2",
        "/is-disconnected",
    ]
    .map(get)
    .into();
    asks.extend([
        get("/request-headers")
            .header("X-Mixed-Case", "Value")
            .header("x-twice", "1")
            .header("accept", "*/*")
            .header("x-twice", "2")
            .header("x-latin", b"caf\xe9")
            .header("x-utf8", "☃")
            .header("x_under", "score")
            .header("x-empty", "")
            .header("x-spaces", "  a \t b"),
        get("/request-headers").header("x-spaces", "behind  "),
        get("/cookies").header("cookie", "a=1; b=\"two words\"; c=%C3%BC; d; e=f=g; a=2"),
        get("/cookies").header("cookie", "broken=\"x; ;; =; odd=\u{fc}"),
        get("/scope")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-for", "6.6.6.6"),
        get("/context").header("x-trace", "t-1"),
        get("/thread").header("x-trace", "t-2"),
        get("/url?a=1").host("example.org:81"),
        get("/session").jar("one"),
        get("/session").jar("one"),
        get("/session").jar("two"),
        get("/session?clear").jar("one"),
        get("/session").jar("one"),
        get("/session").header("cookie", "session=forged.in.vain"),
        ask("PURGE", "/scope"),
        ask("POST", "/scope"),
        post("/is-disconnected", "text/plain", "some body"),
        get("http://other.example.org:81/scope?absolute"),
    ]);
    asks
}

fn bodies() -> Vec<Ask> {
    let megabyte = noise(1024 * 1024);
    let five = noise(5 * 1024 * 1024 + 3);
    vec![
        post("/echo", "text/plain; charset=utf-8", "grüße ☃"),
        post("/echo", "", ""),
        ask("PUT", "/echo").body("application/octet-stream", noise(70_000)),
        post("/echo/stream", "application/octet-stream", &megabyte),
        post("/echo/stream", "", "in chunks, one by one").chunked(4),
        post("/echo/stream", "", &megabyte).chunked(10_000),
        post("/digest", "", &five),
        post("/digest", "", &five).chunked(65_536),
        post("/digest", "", ""),
        post("/shout", "text/plain", "shout this"),
        post("/shout", "text/plain", "shout this in pieces").chunked(3),
        post("/unread", "text/plain", "nobody reads this"),
        post("/unread", "text/plain", noise(100_000)),
        json(
            "/as-json",
            "{\"a\": [1, 2.5, null, \"\u{fc}\\u2603\"], \"b\": {\"c\": true}}",
        ),
        json("/as-json", "\"text\""),
        json("/as-json", "1e308"),
        json("/as-json", "123456789012345678901234567890"),
        json("/as-json", "{\"a\": 1, \"a\": 2}"),
        json("/as-json", "{oops"),
        json("/as-json", ""),
        post("/as-json", "application/json", b"\xff\xfe"),
        form("/form", "a=1&b=two+words&a=3&%C3%BC=%E2%98%83&empty=&none"),
        form("/form", ""),
        form("/form", &"x=1&".repeat(9)),
        multipart(
            "/form",
            &[
                ("field", "", "", b"value"),
                ("\u{fc}", "", "", "☃".as_bytes()),
            ],
        ),
        multipart(
            "/form",
            &[
                (
                    "file",
                    "; filename=\"a.txt\"",
                    "text/plain",
                    b"content\r\n--edg\r\n",
                ),
                ("note", "", "text/plain; charset=utf-8", "später".as_bytes()),
                (
                    "file",
                    "; filename=\"gr\u{fc}n.bin\"",
                    "",
                    &megabyte[..3000],
                ),
                ("empty", "; filename=\"\"", "", b""),
            ],
        ),
        multipart(
            "/form",
            &[("big", "; filename=\"big\"", "application/x-big", &five)],
        ),
        multipart("/form", &[("f", "; filename=\"f\"", "", &b"1"[..]); 5]),
        post(
            "/form",
            "multipart/form-data; boundary=edge",
            "--edge\r\nbroken",
        ),
        post("/form", "multipart/form-data", "no boundary"),
        post("/form", "text/plain", "not a form"),
    ]
}

fn work() -> Vec<Ask> {
    [
        "/stream",
        "/stream?pieces=500&size=100",
        "/stream?pieces=40&size=65537",
        "/stream?pieces=3&size=0",
        "/stream/thread",
        "/stream/sized",
        "/stream/empty",
        "/stream/broken",
        "/events",
        "/background?note=one",
        "/journal?until=2",
        "/backgrounds",
        "/journal?until=5",
        "/together",
        "/lazily",
        "/lazily",
    ]
    .map(get)
    .into()
}

fn layers() -> Vec<Ask> {
    let preflight = |method: &str, headers: &str| {
        ask("OPTIONS", "/json")
            .header("origin", "https://example.org")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers)
    };
    vec![
        get("/json").header("x-stop", "here"),
        get("/json").header("origin", "https://example.org"),
        get("/json").header("origin", "https://evil.example.com"),
        get("/errors/unhandled").header("origin", "https://example.org"),
        preflight("PUT", "x-token"),
        preflight("DELETE", "x-token"),
        preflight("PUT", "x-other, x-token"),
        preflight("PUT", "x-token").header("origin", "https://evil.example.com"),
        get("/zipped/long"),
        get("/zipped/long").header("accept-encoding", "gzip, deflate, br"),
        get("/zipped/long?kib=300").header("accept-encoding", "gzip"),
        get("/zipped/short").header("accept-encoding", "gzip"),
        get("/zipped/stream?pieces=50&size=50").header("accept-encoding", "gzip"),
        ask("HEAD", "/zipped/long").header("accept-encoding", "gzip"),
    ]
}

fn files() -> Vec<Ask> {
    let letters = || get("/static/letters.txt");
    let etag = "\"614300aacb2fcab5a41726d9f9ade6ad\"";
    let mut asks: Vec<_> = [
        "/static/site.css",
        "/static/data.json",
        "/static/gr%C3%BC%C3%9Fe.html",
        "/static/",
        "/static",
        "/static/docs",
        "/static/docs/",
        "/static/missing.txt",
        "/static/../main.py",
        "/static/%2e%2e/main.py",
        "/static/..%2fmain.py",
        "/static/letters.txt/",
        "/static/letters.txt%00.png",
    ]
    .map(get)
    .into();
    for range in [
        "bytes=0-4",
        "bytes=5-",
        "bytes=-3",
        "bytes=0-0",
        "bytes=0-1000",
        "bytes=0-1,4-5",
        "bytes=0-4,2-8",
        "bytes=100-",
        "bytes=5-2",
        "bytes=x",
        "letters=0-1",
    ] {
        asks.push(letters().header("range", range));
    }
    asks.extend([
        letters(),
        ask("HEAD", "/static/letters.txt"),
        ask("POST", "/static/letters.txt"),
        ask("HEAD", "/static/letters.txt").header("range", "bytes=0-4"),
        letters().header("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT"),
        letters().header("if-modified-since", "Tue, 14 Nov 2023 22:13:19 GMT"),
        letters().header("if-modified-since", "not a date"),
        letters().header("if-none-match", etag),
        letters().header("if-none-match", "*"),
        letters()
            .header("range", "bytes=0-4")
            .header("if-range", "Tue, 14 Nov 2023 22:13:20 GMT"),
        letters()
            .header("range", "bytes=0-4")
            .header("if-range", "\"another\""),
        get("/download").header("range", "bytes=2-3"),
        ask("HEAD", "/download"),
    ]);
    asks
}
