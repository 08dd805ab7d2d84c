//! What only the inside can see: `enter`, WebSocket events, the bounds of a batch.

use crate::bindings::types::*;
use crate::clock::Clock;
use crate::event_loop::Loop;
use crate::testing::{TestClient, entered};
use crate::{Error, Receive, Scope, Send, task};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    scope.into_http()?;
    send.respond(200, [("content-type", "text/plain")], "hello")
        .await?;
    Ok(())
}

fn scope() -> HttpScope {
    HttpScope {
        request_id: 1,
        version: HttpVersion::Http11,
        scheme: Scheme::Http,
        method: Method::Get,
        target: b"/a%20b?c=d".to_vec(),
        root_path: None,
        headers: Fields {
            text: b"hostx".to_vec(),
            lengths: vec![FieldLength { name: 4, value: 1 }],
        },
        client: None,
        server: Some(Peer::Unix("/run/x.sock".to_owned())),
        extensions: Extensions::empty(),
        tls: None,
    }
}

fn open(call: u64) -> Event {
    Event::Http(HttpCall {
        call,
        scope: scope(),
        body: Vec::new(),
        more_body: false,
    })
}

fn ignore(_: u64) {}

#[test]
fn the_host_learns_whose_turn_it_is_and_spawned_tasks_inherit_g04() {
    let mut client = TestClient::start(async |scope: Scope, _: Receive, send: Send| {
        scope.into_http()?;
        task::spawn(task::sleep(std::time::Duration::from_secs(1)));
        send.respond(200, [("x", "y")], "").await?;
        Ok::<_, Error>(())
    });
    entered();
    client.get("/").send();
    assert_eq!(entered(), [1]); // the call and its task, one after the other
    client.get("/").send();
    assert_eq!(entered(), [2]);
    client.advance(std::time::Duration::from_secs(1));
    assert_eq!(entered(), [1, 2]);
}

#[test]
fn events_of_a_websocket_that_has_ended_are_ignored_g23() {
    let mut event_loop = Loop::new(app, Clock::System, ignore);
    let websocket = WebsocketCall {
        call: 9,
        scope: WebsocketScope {
            http: scope(),
            subprotocols: Vec::new(),
        },
    };
    let message = Message {
        call: 9,
        payload: Payload::Text(String::new()),
    };
    let closed = Close {
        call: 9,
        code: 1006,
        reason: String::new(),
    };
    // The app knows no WebSockets and raises (`A-13`).
    let turn = event_loop.turn(vec![
        Event::Websocket(websocket),
        Event::Message(message),
        Event::Closed(closed),
        Event::Disconnect(9),
    ]);
    assert!(
        matches!(turn.said.as_slice(), [Action::Finished(_)]),
        "{:?}",
        turn.said
    );
}

#[test]
fn events_for_calls_that_have_ended_are_ignored_g23() {
    let mut event_loop = Loop::new(app, Clock::System, ignore);
    event_loop.turn(vec![open(1)]);
    let turn = event_loop.turn(vec![
        Event::Disconnect(1),
        Event::Writable(Credit { call: 1, bytes: 5 }),
        Event::Body(BodyChunk {
            call: 77,
            body: Vec::new(),
            more_body: false,
        }),
    ]);
    assert!(turn.said.is_empty() && turn.full.is_empty());
}

#[test]
fn a_turn_is_cut_into_batches_that_the_contract_allows() {
    let mut event_loop = Loop::new(app, Clock::System, ignore);
    let turn = event_loop.turn((1..=1_000).map(open).collect());
    assert_eq!(turn.full.len(), 1); // two actions each
    assert_eq!(turn.full[0].len(), 1_024);
    assert_eq!(turn.said.len(), 976);
}

#[test]
fn a_scope_is_read_on_demand_h06_h07_h08() {
    let scope = crate::HttpScope::new(scope(), crate::State::default());
    assert_eq!(scope.path(), "/a b");
    assert_eq!(scope.raw_path(), b"/a%20b");
    assert_eq!(scope.query_string(), b"c=d");
    assert_eq!(scope.headers().get_str("Host"), Some("x"));
    assert_eq!(
        scope.server().map(|peer| peer.to_string()).as_deref(),
        Some("unix:/run/x.sock")
    );
    assert_eq!(scope.request_id().to_string(), "0000000000000001");
}

#[test]
fn until_is_the_earliest_timer() {
    async fn sleepy(_: Scope, _: Receive, _: Send) -> Result<(), Error> {
        task::sleep(std::time::Duration::from_secs(2)).await;
        Ok(())
    }
    let mut event_loop = Loop::new(sleepy, Clock::Virtual(std::sync::Arc::default()), ignore);
    assert_eq!(
        event_loop.turn(vec![Event::LifespanStartup]).until,
        Some(2_000_000_000)
    );
}

#[test]
fn until_is_in_the_past_while_there_is_work_left() {
    async fn restless(_: Scope, _: Receive, _: Send) -> Result<(), Error> {
        loop {
            task::yield_now().await;
        }
    }
    let mut event_loop = Loop::new(restless, Clock::Virtual(std::sync::Arc::default()), ignore);
    assert_eq!(event_loop.turn(vec![Event::LifespanStartup]).until, Some(0));
}
