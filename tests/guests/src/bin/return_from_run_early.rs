//! Breaks the contract: returns from `run` when a call comes, without having been asked to end.

use wasgi_guests::raw::{Action, Event, Shutdown, Startup, exchange, finished, path, respond, say};

wasgi_guests::raw_app!(run());

fn run() {
    let mut said = vec![];
    loop {
        for event in exchange(&std::mem::take(&mut said), None) {
            match event {
                Event::LifespanStartup => said.push(Action::Startup(Startup::Complete)),
                Event::Http(call) if path(&call) == b"/ok" => {
                    said.extend([respond(call.call, 200, "ok"), finished(call.call)]);
                }
                Event::Http(_) => return,
                Event::LifespanShutdown => {
                    say(&[Action::Shutdown(Shutdown::Complete)]);
                    return;
                }
                _ => {}
            }
        }
    }
}

fn main() {}
