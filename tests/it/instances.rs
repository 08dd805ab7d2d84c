//! `[instances]`: how an instance is used, how many there are, and when one is replaced (`G-05`, `G-15`).

mod crashes;
mod lives;
mod reuse;
mod scaling;

pub(crate) use lives::keep_a_diary;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use wasgi_tests::{Client, Response, Running, eventually};

/// What the guest of this name says about its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Diary {
    instance: String,
    calls: u64,
    most: u64,
}

impl Diary {
    #[track_caller]
    fn of(response: &Response) -> Self {
        assert_eq!(response.status, 200, "a request is lost: {response:?}");
        let text = response.text();
        let value = |key: &str| {
            let mut words = text.split(' ');
            let found = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            found
                .unwrap_or_else(|| panic!("no {key} in {text}"))
                .to_owned()
        };
        Self {
            instance: value("instance"),
            calls: value("calls").parse().unwrap(),
            most: value("most").parse().unwrap(),
        }
    }

    #[track_caller]
    fn read(server: &Running, target: &str) -> Self {
        Self::of(&server.get(target))
    }
}

fn count(server: &Running, text: &str) -> usize {
    let log = server.log();
    log.iter()
        .filter(|line| line.message.contains(text))
        .count()
}

/// Clients on kept and on fresh connections ask without a pause while `meanwhile` runs: all are served. Gives what they read.
fn under_traffic(server: &Running, target: &str, meanwhile: impl FnOnce()) -> Vec<Diary> {
    let address = server.address();
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut read = Vec::new();
    std::thread::scope(|scope| {
        let hammer = |keep: bool| {
            let (done, asked) = (&done, &asked);
            move || {
                let (mut client, mut read) = (Client::tcp(address), Vec::new());
                while !done.load(SeqCst) {
                    read.push(Diary::of(&client.get(target)));
                    asked.fetch_add(1, SeqCst);
                    if !keep {
                        client = Client::tcp(address);
                    }
                }
                read
            }
        };
        let clients = [true, true, true, false].map(|keep| scope.spawn(hammer(keep)));
        eventually("there is traffic", || {
            asked.load(SeqCst) > 50 || clients.iter().any(|it| it.is_finished())
        });
        meanwhile();
        let before = asked.load(SeqCst);
        eventually("the clients go on", || {
            asked.load(SeqCst) > before + 50 || clients.iter().any(|it| it.is_finished())
        });
        done.store(true, SeqCst);
        for client in clients {
            read.extend(client.join().expect("a client"));
        }
    });
    read
}
