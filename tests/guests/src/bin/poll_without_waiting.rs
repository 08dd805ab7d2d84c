//! Never waits: calls `exchange` again and again with a deadline in the past (`G-06`).

use wasgi_guests::raw::{Action, Event, Shutdown, Startup, exchange, finished, respond, say};

wasgi_guests::raw_app!(run());

fn run() {
    let mut said = vec![];
    loop {
        for event in exchange(&std::mem::take(&mut said), Some(0)) {
            match event {
                Event::LifespanStartup => said.push(Action::Startup(Startup::Complete)),
                Event::LifespanShutdown => {
                    say(&[Action::Shutdown(Shutdown::Complete)]);
                    return;
                }
                Event::Http(call) => {
                    said.extend([respond(call.call, 200, "ok"), finished(call.call)]);
                }
                _ => {}
            }
        }
    }
}

fn main() {}
