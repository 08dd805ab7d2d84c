//! What the log said: one subscriber for the process, which keeps every line; a test reads those of its own app.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::PATIENCE;

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// How bad it is.
    pub level: Level,
    /// Who says it: `wasgi::guest`, `wasgi::access`, or a module.
    pub target: String,
    /// The text.
    pub message: String,
    /// Everything else.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    /// A field, or "".
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Whether a guest has printed it.
    pub fn is_printed(&self) -> bool {
        self.target == "wasgi::guest" && self.level == Level::INFO
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {} {:?}",
            self.level, self.target, self.message, self.fields
        )
    }
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<Arc<Line>>>,
    grown: Condvar,
}

static LOG: OnceLock<&'static Log> = OnceLock::new();

/// Starts to keep lines. Later calls do nothing.
pub(crate) fn capture() {
    log();
}

fn log() -> &'static Log {
    LOG.get_or_init(|| {
        let log: &'static Log = Box::leak(Box::default());
        let subscriber = tracing_subscriber::registry().with(Keeper(log));
        tracing::subscriber::set_global_default(subscriber).expect("the first subscriber");
        log
    })
}

/// The lines about `app` so far.
pub(crate) fn lines_of(app: &str) -> Vec<Arc<Line>> {
    let lines = log().lines.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.field("app") == app)
        .cloned()
        .collect()
}

/// The lines that a test looks for, of all apps and of none.
pub(crate) fn lines_where(wanted: impl Fn(&Line) -> bool) -> Vec<Arc<Line>> {
    let lines = log().lines.lock().unwrap();
    lines.iter().filter(|line| wanted(line)).cloned().collect()
}

/// How many lines there are, of all apps.
pub(crate) fn length() -> usize {
    log().lines.lock().unwrap().len()
}

/// Waits for a line about `app`, from the line with this number on.
#[track_caller]
pub(crate) fn wait_for(app: &str, from: usize, wanted: impl Fn(&Line) -> bool) -> Arc<Line> {
    let log = log();
    let until = Instant::now() + PATIENCE;
    let mut seen = from;
    let mut lines = log.lines.lock().unwrap();
    loop {
        for line in &lines[seen..] {
            if line.field("app") == app && wanted(line) {
                return line.clone();
            }
        }
        seen = lines.len();
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            drop(lines);
            let all: Vec<_> = lines_of(app).iter().map(ToString::to_string).collect();
            panic!("the log has no such line:\n{}", all.join("\n"));
        }
        lines = log.grown.wait_timeout(lines, left).unwrap().0;
    }
}

struct Keeper(&'static Log);

impl<S: Subscriber> Layer<S> for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("wasgi") && *metadata.level() <= Level::DEBUG
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line {
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            message: String::new(),
            fields: BTreeMap::new(),
        };
        event.record(&mut Fields(&mut line));
        self.0.lines.lock().unwrap().push(Arc::new(line));
        self.0.grown.notify_all();
    }
}

struct Fields<'a>(&'a mut Line);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.0.message = value,
            name => drop(self.0.fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}
