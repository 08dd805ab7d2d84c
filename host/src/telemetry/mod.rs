//! Logs: one subscriber, on stderr, written by a thread of its own.
//!
//! `cli` starts it once. Lines of guests have the target `wasgi::guest`, access lines `wasgi::access`, everything else
//! is the host's own. It never blocks a server thread: when stderr is slower than the lines that come, lines are lost.

mod writer;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

pub use tracing::Level;
use tracing_subscriber::EnvFilter;

use writer::{Lines, Writer};

/// Writes what is left when it is dropped.
#[must_use = "lines are lost when it is dropped"]
pub struct Telemetry(#[expect(dead_code, reason = "it works by being dropped")] Writer);

/// Starts to log lines of `level` and above; of libraries, warnings only. Later calls in the same process log
/// through the first.
pub fn start(level: Level) -> Telemetry {
    let (lines, writer) = Lines::to(std::io::stderr());
    let filter = EnvFilter::new(format!("warn,wasgi={level}"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_writer(lines)
        .finish();
    // Somebody else's subscriber, in a test or an embedding program, stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Telemetry(writer)
}

/// Longest text of a guest in one line of the log, in bytes: a traceback fits, a flood does not.
pub const GUEST_TEXT_BYTES_MAX: usize = 16 * 1024;

/// Makes a guest's text fit for the log: at most [`GUEST_TEXT_BYTES_MAX`] of it, nothing that moves a terminal's cursor,
/// and further lines indented, so that none can pass for a line of ours.
pub fn clip(mut text: String) -> String {
    if text.len() > GUEST_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(GUEST_TEXT_BYTES_MAX));
        text.push_str(" … (cut)");
    }
    if !text.contains(is_control) {
        return text;
    }
    let mut legible = String::with_capacity(text.len() + 64);
    for letter in text.trim_end().replace("\r\n", "\n").chars() {
        match letter {
            '\n' => legible.push_str("\n    "),
            control if is_control(control) => legible.push(char::REPLACEMENT_CHARACTER),
            other => legible.push(other),
        }
    }
    legible
}

/// Whether a letter could do more on a terminal than be seen.
pub fn is_control(letter: char) -> bool {
    letter.is_control() && letter != '\t'
}

/// Counts what a guest can cause without end and says when it is worth a line: the first time, then at every
/// doubling.
#[derive(Debug, Default)]
pub struct Sparse(AtomicU64);

impl Sparse {
    /// One more; how many there are if that is worth a line.
    pub fn count(&self) -> Option<u64> {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        count.is_power_of_two().then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_text_is_cut_between_characters() {
        let text = "ü".repeat(GUEST_TEXT_BYTES_MAX);
        assert!(clip(text).ends_with("ü … (cut)"));
        assert_eq!(clip("short".into()), "short");
    }

    #[test]
    fn a_guests_text_cannot_move_the_cursor_or_forge_a_line() {
        let text = "a\u{1b}[2J\u{7}\tb\r\nINFO forged\rc\n".to_owned();
        assert_eq!(
            clip(text),
            "a\u{fffd}[2J\u{fffd}\tb\n    INFO forged\u{fffd}c"
        );
    }

    #[test]
    fn a_flood_is_a_few_lines() {
        let sparse = Sparse::default();
        let lines: Vec<u64> = (0..1000).filter_map(|_| sparse.count()).collect();
        assert_eq!(lines, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    }
}
