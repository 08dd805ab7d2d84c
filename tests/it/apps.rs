//! One test per app of `apps/`: what its README promises, through the front door.

use wasgi_tests::{Serve, apps};

/// The specification's own example.
#[test]
pub(crate) fn hello() {
    let mut server = Serve::guest(apps::HELLO).start();
    let mut client = server.client();
    for _ in 0..3 {
        let response = client.get("/");
        assert_eq!(
            (response.status, response.text().as_str(), response.whole),
            (200, "Hello, world!", true)
        );
        assert_eq!(response.header("content-type"), Some("text/plain"));
    }
    let log = server.stop();
    assert!(
        !log.iter().any(|line| line.level <= tracing::Level::WARN),
        "{log:?}"
    );
}
