//! Runs the interpreter once, in wasm, and keeps what came of it: the step that makes a component.
//!
//! The guest's side of it is `wasgi_entry` of the SDK: it reads `settings.json` in the stage, does what the mode says, and
//! leaves `report.json`, `progress` (what it is doing) and `output.txt` (what the app printed). This side starts
//! componentize-py, watches over time and space, and turns what the guest reports into an error that the author of the app
//! understands.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use wasgi::error::{Error, Result};

use super::{
    home::cannot_write,
    process::{self, Ended},
    progress::note,
    sdk,
    tools::Tools,
};

/// The module of the SDK that componentize-py is given.
const ENTRY: &str = "wasgi_entry";

/// What componentize-py itself may take, before and after the guest runs.
const TOOL_MAX: Duration = Duration::from_secs(15 * 60);

/// As much as an app may print while it is imported.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Of the app's output, as many lines are shown when a build fails.
const OUTPUT_LINES: usize = 20;

/// `settings.json`: what the guest is to do.
#[derive(Serialize)]
pub(super) struct Settings<'a> {
    pub(super) mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<&'a str>,
    pub(super) factory: bool,
    pub(super) warm_up: &'a [String],
    pub(super) python_path: Vec<String>,
    pub(super) env: &'a std::collections::BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) trees: Vec<&'static str>,
    pub(super) export_stdlib: bool,
    pub(super) remember: bool,
    /// Packages that the app asks for and does not get, by normalised name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<String>,
}

/// `report.json`: how it went.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Report {
    ok: bool,
    what: String,
    why: String,
    hint: String,
    traceback: String,
    warnings: Vec<String>,
    /// Modules that are in the snapshot.
    pub(super) modules: u64,
    /// Functions of libraries that are asked once for each argument, as dotted names.
    pub(super) remembered: Vec<String>,
}

/// One run: the folders it works in, and how long the guest may take.
pub(super) struct Run<'a> {
    pub(super) tools: &'a Tools,
    /// Holds `0`, `1`, `wit` and whatever the tool leaves.
    pub(super) stage: &'a Path,
    pub(super) deadline: Duration,
}

impl Run<'_> {
    /// Writes the SDK and the contract into the stage.
    pub(super) fn lay_out(&self) -> Result<()> {
        let zero = self.stage.join("0");
        for (below, files) in [(zero, sdk::FILES), (self.stage.join("wit"), sdk::WIT)] {
            for (path, content) in files {
                let path = below.join(path);
                let folder = path.parent().unwrap_or(&below);
                let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, content));
                written.map_err(|error| cannot_write(&path, error))?;
            }
        }
        for folder in ["0/lib", "1", "tmp", "said"] {
            let folder = self.stage.join(folder);
            fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, error))?;
        }
        Ok(())
    }

    /// Makes the component and gives its path.
    pub(super) fn component(&self, settings: &Settings<'_>) -> Result<(PathBuf, Report)> {
        let output = self.stage.join("app.wasm");
        let ended = self.start(settings, &output)?;
        match self.report() {
            Some(report) if report.ok && ended.succeeded() && output.is_file() => {
                for warning in &report.warnings {
                    note(warning);
                }
                Ok((output, report))
            }
            Some(report) if !report.ok => Err(self.refused(report)),
            _ => Err(self.broke(&ended)),
        }
    }

    /// Lets the guest compile to bytecode; no component comes of it.
    pub(super) fn bytecode(&self, settings: &Settings<'_>) -> Result<Report> {
        let ended = self.start(settings, &self.stage.join("none.wasm"))?;
        match self.report() {
            Some(report) if report.ok => Ok(report),
            Some(report) => Err(self.refused(report)),
            None => Err(self.broke(&ended)),
        }
    }

    fn start(&self, settings: &Settings<'_>, output: &Path) -> Result<Ended> {
        let path = self.stage.join("0/settings.json");
        let text = serde_json::to_vec_pretty(settings)
            .map_err(|error| Error::internal("cannot write settings").because(error))?;
        fs::write(&path, text).map_err(|error| cannot_write(&path, error))?;
        for stale in ["report.json", "progress", "output.txt"] {
            // Usually there is none.
            let _ = fs::remove_file(self.stage.join("0").join(stale));
        }
        let mut command = self.tools.script("componentize.py");
        command
            .arg(self.stage.join("wit"))
            .args(["app", ENTRY])
            .arg(output)
            .args([self.stage.join("0"), self.stage.join("1")])
            .env("TMPDIR", self.stage.join("tmp"))
            .current_dir(self.stage);
        let began: Cell<Option<Duration>> = Cell::new(None);
        process::watch(&mut command, &self.stage.join("said"), |elapsed| {
            self.look(elapsed, &began)
        })
    }

    /// Whether the build may go on.
    fn look(&self, elapsed: Duration, began: &Cell<Option<Duration>>) -> Result<()> {
        let zero = self.stage.join("0");
        let done = zero.join("report.json").exists();
        if began.get().is_none() && zero.join("progress").exists() {
            began.set(Some(elapsed));
        }
        let busy = began.get().map(|began| elapsed.saturating_sub(began));
        if !done && busy.is_some_and(|busy| busy > self.deadline) {
            return Err(self.hung());
        }
        if elapsed > TOOL_MAX {
            return Err(Error::internal("componentize-py does not come to an end"));
        }
        let printed = fs::metadata(zero.join("output.txt")).map_or(0, |found| found.len());
        if printed > OUTPUT_BYTES_MAX {
            return Err(
                Error::user("the app prints without end while it is imported")
                    .because(self.output())
                    .hint("what is done at import is done in the build"),
            );
        }
        Ok(())
    }

    fn report(&self) -> Option<Report> {
        let text = fs::read(self.stage.join("0/report.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn refused(&self, report: Report) -> Error {
        let mut why = report.why;
        for (title, text) in [("", report.traceback), ("the app printed:", self.output())] {
            if text.trim().is_empty() {
                continue;
            }
            for part in [title, text.trim_end()] {
                if !why.is_empty() && !part.is_empty() {
                    why.push('\n');
                }
                why.push_str(part);
            }
        }
        let what = if report.what.is_empty() {
            "the app cannot be built".to_owned()
        } else {
            report.what
        };
        let mut error = Error::user(what);
        if !why.is_empty() {
            error = error.because(why);
        }
        if report.hint.is_empty() {
            error
        } else {
            error.hint(report.hint)
        }
    }

    fn hung(&self) -> Error {
        let doing = fs::read_to_string(self.stage.join("0/progress")).unwrap_or_default();
        let doing = process::last_lines(&doing, 1);
        let mut why = format!("it has not come to an end within {:?}", self.deadline);
        if !doing.is_empty() {
            why = format!("{why}; the last thing it did: {doing}");
        }
        let output = self.output();
        if !output.is_empty() {
            why = format!("{why}\nthe app printed:\n{output}");
        }
        Error::user("the app's imports do not end").because(why).hint(
            "what runs at import runs in the build: a loop or a connection belongs into the lifespan; \
             `timeout` in `[build]` allows more",
        )
    }

    /// The tool failed and the guest has not said why.
    fn broke(&self, ended: &Ended) -> Error {
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        let output = self.output();
        if said.contains("No space left") {
            return Error::user("there is no space left on this disk")
                .because(ended.last_words(4))
                .hint("a build takes about 500 MB; WASGI_CACHE_DIR names another place");
        }
        let traps = [
            (
                "call stack exhausted",
                "the app recurses without end while it is imported",
            ),
            (
                "out of memory",
                "the app takes more memory than there is while it is imported",
            ),
            (
                "unreachable",
                "the interpreter was aborted while it imported the app",
            ),
        ];
        let trap = traps.iter().find(|(word, _)| said.contains(word));
        let mut why = process::last_lines(&said, 15);
        if !output.is_empty() {
            why = format!("{why}\nthe app printed:\n{output}");
        }
        match trap {
            Some((_, what)) => Error::user(*what)
                .because(why)
                .hint("what runs at import runs in the build"),
            None => Error::internal("componentize-py has failed").because(why),
        }
    }

    fn output(&self) -> String {
        let text = fs::read(self.stage.join("0/output.txt")).unwrap_or_default();
        process::last_lines(&String::from_utf8_lossy(&text), OUTPUT_LINES)
    }
}
