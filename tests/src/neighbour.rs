//! Another tenant of the same server, and its clients: whatever a test does to the server, they get their answers, and nobody
//! else's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Client, Guest, H2, eventually, guests, pause};

pub(crate) const APP: &str = "neighbour/quiet";
pub(crate) const HOST: &str = "neighbour.test";
pub(crate) const GUEST: Guest = guests::SAY_WHOSE_IT_IS;

/// Between two requests of one client: the neighbour has a moderate load, not all of the machine.
const PACE: Duration = Duration::from_millis(2);

/// After so many requests the client that has a connection for each opens the next.
const FRESH_EACH: u64 = 10;

/// Its clients, at work: one that keeps its connection, one that opens a new one now and then, and one that speaks
/// HTTP/2 with several streams at a time.
pub struct Neighbour {
    done: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Duration>>,
}

/// How its clients fared.
#[derive(Debug)]
pub struct Unharmed {
    /// How many answers they have got.
    pub answers: u64,
    /// The longest that one of them had to wait, for a report: no test asserts that something is quick.
    pub slowest: Duration,
}

impl Neighbour {
    pub(crate) fn begin(address: SocketAddr, label: String) -> Self {
        let (done, answers) = <(Arc<AtomicBool>, Arc<AtomicU64>)>::default();
        let asking = |number| Asking {
            address,
            label: label.clone(),
            number,
            done: done.clone(),
            answers: answers.clone(),
            asked: 0,
            slowest: Duration::ZERO,
        };
        let (kept, fresh, multiplexed) = (asking(1), asking(2), asking(3));
        let clients = vec![
            std::thread::spawn(move || kept.kept()),
            std::thread::spawn(move || fresh.fresh()),
            std::thread::spawn(move || multiplexed.multiplexed()),
        ];
        let neighbour = Self {
            done,
            answers,
            clients,
        };
        neighbour.goes_on();
        neighbour
    }

    /// How many answers its clients have got so far.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Waits until its clients have got some more answers: they are served during whatever happens now.
    ///
    /// # Panics
    /// When they do not get them.
    #[track_caller]
    pub fn goes_on(&self) {
        let before = self.answers();
        eventually("the neighbour is served, and rightly", || {
            let harmed = self.clients.iter().any(JoinHandle::is_finished);
            harmed || self.answers() > before + 20
        });
    }

    /// Asks until now, and then no more: every answer was right and the neighbour's own.
    ///
    /// # Panics
    /// When one was not, or did not come.
    #[track_caller]
    pub fn assert_unharmed(mut self) -> Unharmed {
        self.goes_on();
        self.done.store(true, Ordering::Relaxed);
        let mut slowest = Duration::ZERO;
        for client in std::mem::take(&mut self.clients) {
            match client.join() {
                Ok(wait) => slowest = slowest.max(wait),
                Err(why) => {
                    let why = why
                        .downcast_ref::<String>()
                        .map_or("a panic", String::as_str);
                    panic!("the neighbour was harmed: {why}");
                }
            }
        }
        Unharmed {
            answers: self.answers(),
            slowest,
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// One of its clients.
struct Asking {
    address: SocketAddr,
    label: String,
    /// Which one: no two of them ask the same.
    number: u64,
    done: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    asked: u64,
    slowest: Duration,
}

impl Asking {
    fn goes_on(&self) -> bool {
        !self.done.load(Ordering::Relaxed)
    }

    /// The next path, which nobody has asked for before.
    fn next(&mut self) -> String {
        self.asked += 1;
        format!("/client/{}/{}", self.number, self.asked)
    }

    fn check(&mut self, path: &str, began: Instant, status: u16, text: &str) {
        let label = &self.label;
        let right = format!(
            "app={label}\nroot_path=\npath={path}\nraw_path={path}\nlocal_path={path}\nhost={HOST}\n"
        );
        assert!(
            status == 200 && text == right,
            "{path} got {status}: {text:?}"
        );
        self.slowest = self.slowest.max(began.elapsed());
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn ask(&mut self, client: &mut Client) {
        let path = self.next();
        let began = Instant::now();
        let response = client.at(HOST).get(&path);
        self.check(&path, began, response.status, &response.text());
        pause(PACE);
    }

    fn kept(mut self) -> Duration {
        let mut client = Client::tcp(self.address);
        while self.goes_on() {
            self.ask(&mut client);
        }
        self.slowest
    }

    fn fresh(mut self) -> Duration {
        while self.goes_on() {
            let mut client = Client::tcp(self.address);
            for _ in 0..FRESH_EACH {
                self.ask(&mut client);
            }
        }
        self.slowest
    }

    fn multiplexed(mut self) -> Duration {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut h2 = H2::connect(self.address).await;
            while self.goes_on() {
                let began = Instant::now();
                let mut replies = Vec::new();
                for _ in 0..4 {
                    let path = self.next();
                    let request = H2::request_at(HOST, "GET", &path);
                    replies.push((path, h2.open(request, true).await.0));
                }
                for (path, reply) in replies {
                    let reply = tokio::time::timeout(crate::PATIENCE, H2::reply(reply)).await;
                    let reply = reply.expect("an answer in time").expect("an answer");
                    self.check(&path, began, reply.status, &reply.text());
                }
                tokio::time::sleep(PACE).await;
            }
        });
        self.slowest
    }
}
