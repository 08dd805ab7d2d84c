//! Clients that nobody here wrote: PyPI's `websockets`, npm's `ws`, and a browser with the page of `apps/chat`.

use std::process::Command;

use wasgi_tests::{Finished, Node, Program, Serve, apps, guests, native_python, wasgi};

/// What both clients do: `W-05`, `W-07`, `W-09`, `W-12`, `W-14`, `W-20`–`W-22`, `W-25`, `E-01`.
const SEEN: [&str; 4] = ["plain", "compressed", "closed", "refused"];

#[test]
fn websockets_of_python() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED).start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/peers/client.py");
    let mut client = Command::new(native_python());
    let ended = Finished::run(client.args([script, &server.address().to_string()]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), SEEN);
}

#[test]
fn ws_of_node() {
    let server = Serve::guest(guests::WEBSOCKET_AS_ASKED).start();
    let mut client = Node::start("peer.mjs", &[&server.address().to_string()]);
    SEEN.iter().for_each(|line| client.says(line));
    client.ends();
}

/// Two tabs of a browser talk, one is reloaded; a restart closes with 1012 (`W-29`), and the page connects again.
#[test]
pub(crate) fn chat() {
    let mut server = Program::serve(apps::CHAT.path(), &[]);
    let address = server.address();
    let mut browser = Node::start("chat.mjs", &[&format!("http://{address}/")]);
    browser.says("two tabs talk");
    browser.says("a tab was reloaded");
    browser.says("restart the server");
    server.terminate();
    assert!(server.wait().success());
    let port = address.port().to_string();
    let mut command = wasgi();
    command
        .arg("serve")
        .arg(apps::CHAT.path())
        .args(["--port", &port]);
    let _again = Program::start(&mut command);
    browser.tell("it is there again");
    browser.says("closed: 1012; trying again");
    browser.says("they talk again");
    browser.ends();
}
