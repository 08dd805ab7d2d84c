//! WebSockets of an axum router, through the SDK's extractor.

use wasgi_tests::{Serve, guests};

/// `W-05`, `W-06`, `W-12`, `W-20`, `W-21`, `E-01`: a route upgrades with the client's subprotocol, closes with the code of the app;
/// what does not upgrade is a denial, or a 403.
#[test]
pub(crate) fn websocket_routes() {
    let server = Serve::guest(guests::WEBSOCKET_ROUTES).start();
    let connect =
        |target: &str, headers: &[(&str, &str)]| server.client().websocket(target, headers);

    let mut echo = connect("/echo", &[("sec-websocket-protocol", "soap, chat")]).unwrap();
    assert_eq!(echo.head.header("sec-websocket-protocol"), Some("chat"));
    echo.text("hello").text("");
    assert_eq!(
        (echo.see_text(), echo.see_text()),
        ("hello".into(), String::new())
    );

    let mut greet = connect("/greet/you", &[]).unwrap();
    assert_eq!(greet.see_text(), "hello you");
    assert_eq!(greet.see_close(), (Some(4000), "greeted".into()));

    let mut guarded = connect("/guarded", &[("cookie", "a=b")]).unwrap();
    assert_eq!(guarded.see_close(), (Some(1000), String::new()));
    let mut fails = connect("/fails", &[]).unwrap();
    assert_eq!(fails.see_text(), "about to fail");
    assert_eq!(fails.see_close().0, Some(1011));

    for (target, status) in [("/guarded", 401), ("/nowhere", 404), ("/page", 403)] {
        let denied = connect(target, &[]).unwrap_err();
        assert_eq!(denied.status, status, "{target}");
    }
    assert_eq!(server.get("/echo").status, 426);
    server.assert_serves();
}
