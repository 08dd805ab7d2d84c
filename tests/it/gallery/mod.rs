//! A gallery of hostile guests: what each does, what becomes of it, of its siblings, and of another tenant on the same thread.
//!
//! Each exhibit is served as an app of the tenant Mallory on a [`Stage`], beside an app of a neighbour who is asked all the
//! time. `docs/hostile-guests.md` has them all in one table.

mod advisories;
mod computing;
mod contract;
mod crashes;
mod lifespan;
mod loading;
mod memory;
mod messages;
mod table;

use std::time::Duration;

use wasgi::wasm::account::Usage;
use wasgi_tests::{
    Client, Guest, Host, Hosted, Many, Neighbour, Response, Serve, WebSocket, eventually, pause,
};

pub(crate) use advisories::*;
pub(crate) use computing::*;
pub(crate) use contract::*;
pub(crate) use crashes::*;
pub(crate) use lifespan::*;
pub(crate) use memory::*;
pub(crate) use messages::*;

const MALLORY: &str = "mallory/app";
const HOST: &str = "mallory.test";

/// A server with one thread, on which Mallory's app and the neighbour's have an instance each.
struct Stage {
    host: Host,
    neighbour: Neighbour,
}

/// A request that is in flight in the same instance: a part of its response is there.
struct Sibling {
    client: Client,
    response: Response,
}

impl Stage {
    /// The guest as it would be served, but for its CPU time: a second is enough to be a nuisance.
    #[track_caller]
    fn of(guest: Guest) -> Self {
        Self::serve(Serve::guest(guest).limit("cpu", "1 s"))
    }

    #[track_caller]
    fn serve(guest: Serve) -> Self {
        let host = Many::new().app(MALLORY, guest, HOST).neighbour().start();
        let neighbour = host.neighbour();
        Self { host, neighbour }
    }

    /// The neighbour alone: Mallory's app is not even loaded.
    fn empty() -> Self {
        let host = Many::new().neighbour().start();
        let neighbour = host.neighbour();
        Self { host, neighbour }
    }

    /// Deploys Mallory's app, which does not start; what the one who deploys it is told.
    #[track_caller]
    fn refuses(&self, guest: Serve) -> String {
        let error = self.host.try_deploy(MALLORY, guest, HOST).unwrap_err();
        assert_eq!(self.get("/ok").status, 404, "it has no route");
        format!("{error:?}")
    }

    fn app(&self) -> Hosted<'_> {
        self.host.app(MALLORY)
    }

    fn client(&self) -> Client {
        let mut client = self.host.client();
        client.at(HOST);
        client
    }

    #[track_caller]
    fn get(&self, target: &str) -> Response {
        self.client().get(target)
    }

    /// Asks, and leaves it at that.
    fn ask(&self, target: &str) -> Client {
        let mut client = self.client();
        client.request(target);
        client
    }

    #[track_caller]
    fn websocket(&self, target: &str) -> WebSocket {
        self.client().websocket(target, &[]).unwrap()
    }

    /// `/sibling` of guests in Rust.
    #[track_caller]
    fn sibling(&self) -> Sibling {
        let mut client = self.ask("/sibling");
        let mut response = client.head();
        client.chunk_bytes(&mut response, 4);
        assert_eq!((response.status, &*response.text()), (200, "part"));
        Sibling { client, response }
    }

    fn usage(&self) -> Usage {
        self.app().pool().app.account.usage()
    }

    /// Its instance ended, of this kind; the log says so in these words.
    #[track_caller]
    fn assert_ended(&self, kind: &str, says: &[&str]) {
        eventually("it ends", || !self.usage().ends.is_empty());
        let ends = self.usage().ends;
        assert!(ends.contains_key(kind), "{kind}: {ends:?}");
        let line = self.app().wait_log(|line| {
            line.message.contains("the instance ended")
                && says.iter().all(|word| line.message.contains(word))
        });
        assert!(line.fields.contains_key("instance"), "{line}");
    }

    /// Its only instance is still the first.
    #[track_caller]
    fn assert_not_replaced(&self) {
        let usage = self.usage();
        assert!(usage.ends.is_empty() && usage.started == 1, "{usage:?}");
    }

    /// Mallory's app goes on: `/ok` gets "ok".
    #[track_caller]
    fn assert_serves(&self) {
        let response = self.get("/ok");
        assert_eq!(
            (response.status, &*response.text()),
            (200, "ok"),
            "Mallory's own app does not go on: {:?}",
            self.app().log().last()
        );
    }

    /// The host holds nothing for it any more.
    #[track_caller]
    fn assert_nothing_held(&self) {
        eventually("nothing is held for it", || {
            let usage = self.usage();
            usage.host_bytes == 0 && usage.in_flight == 0 && usage.websockets == 0
        });
    }

    /// The neighbour has got all of its answers, and goes on getting them.
    #[track_caller]
    fn assert_unharmed(self) {
        self.neighbour.assert_unharmed();
    }

    /// All is as before.
    #[track_caller]
    fn assert_over(self) {
        self.assert_serves();
        self.assert_nothing_held();
        self.assert_unharmed();
    }

    /// `target` gets this status, its instance ends of this kind, a sibling is cut, and another instance goes on.
    #[track_caller]
    fn assert_crash(self, target: &str, status: u16, kind: &str, says: &[&str]) {
        let sibling = self.sibling();
        let response = self.get(target);
        assert_eq!(response.status, status, "{response:?}");
        for word in says {
            assert!(!response.mentions(word), "{response:?}");
        }
        sibling.assert_cut();
        self.assert_ended(kind, says);
        self.assert_over();
    }

    /// As [`assert_crash`](Self::assert_crash), of guests in `guests/wat`, whose `/sibling` waits for an answer.
    #[track_caller]
    fn assert_wat_crash(self, kind: &str, says: &[&str]) {
        let mut sibling = self.ask("/sibling");
        eventually("it is in flight", || self.usage().in_flight == 1);
        let response = self.get("/attack");
        // They never say which call they work for, so that none is to blame.
        assert_eq!(response.status, 502, "{response:?}");
        assert_eq!(sibling.response().status, 502);
        self.assert_ended(kind, says);
        self.assert_over();
    }
}

impl Sibling {
    /// Its response was cut, and visibly so.
    #[track_caller]
    fn assert_cut(mut self) {
        self.client.body(&mut self.response, "GET");
        assert!(!self.response.whole, "{:?}", self.response);
    }

    /// It is still in flight.
    #[track_caller]
    fn assert_lives(mut self) {
        assert!(self.client.is_silent_for(Duration::from_millis(50)));
    }
}

/// Lets an attack go on for a while, during which the neighbour is served.
#[track_caller]
fn go_on_for_a_while(stage: &Stage) {
    stage.neighbour.goes_on();
    pause(Duration::from_millis(200));
    stage.neighbour.goes_on();
}
