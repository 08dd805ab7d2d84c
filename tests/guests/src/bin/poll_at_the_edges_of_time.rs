//! Exchanges with deadlines at the edges: at the beginning of time, one before its end, at its end (`/past`, `/almost`,
//! any other); answers then. The host has to say how long it waits, and a client has to come.

use wasgi_guests::raw::{Action, Event, Shutdown, Startup, exchange, finished, path, respond, say};

wasgi_guests::raw_app!(run());

fn run() {
    let (mut said, mut until) = (vec![], Some(u64::MAX));
    loop {
        let events = exchange(&std::mem::take(&mut said), until);
        for event in events {
            match event {
                Event::LifespanStartup => said.push(Action::Startup(Startup::Complete)),
                Event::LifespanShutdown => {
                    say(&[Action::Shutdown(Shutdown::Complete)]);
                    return;
                }
                Event::Http(call) => {
                    until = match path(&call) {
                        b"/past" => Some(0),
                        b"/almost" => Some(u64::MAX - 1),
                        b"/endless" => None,
                        _ => Some(u64::MAX),
                    };
                    said.extend([respond(call.call, 200, "ok"), finished(call.call)]);
                }
                _ => {}
            }
        }
        if until == Some(0) {
            // Once, and then it waits again.
            let polled = exchange(&std::mem::take(&mut said), until);
            said.extend(answered(polled));
            until = Some(u64::MAX);
        }
    }
}

/// Whatever came with the poll is answered, too.
fn answered(events: Vec<Event>) -> Vec<Action> {
    let calls = events.into_iter().filter_map(|event| match event {
        Event::Http(call) => Some(call.call),
        _ => None,
    });
    calls
        .flat_map(|call| [respond(call, 200, "ok"), finished(call)])
        .collect()
}

fn main() {}
