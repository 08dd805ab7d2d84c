//! Apps that cannot be built because of what happens when the guest imports them: one clear error each, exit code 1.
//!
//! What is wrong with manifests, dependencies and tools is tested where building is; here the interpreter has run.

use wasgi_tests::{Finished, Folder, wasgi};

/// One app, and the words that its error must have.
struct Bad {
    name: &'static str,
    /// Lines of `wasgi.toml` behind `language`.
    manifest: &'static str,
    files: &'static [(&'static str, &'static str)],
    says: &'static [&'static str],
}

const APP: &str = "app = \"main:app\"";
const GOOD: &str = "async def app(scope, receive, send):\n    pass\n";

const BAD: &[Bad] = &[
    Bad {
        name: "raises while it is imported",
        manifest: APP,
        files: &[
            (
                "main.py",
                "import settings\n\nasync def app(scope, receive, send):\n    pass\n",
            ),
            (
                "settings.py",
                "import os\n\nTOKEN = os.environ[\"TOKEN\"]\n",
            ),
        ],
        says: &[
            "`main` does not import",
            "settings.py",
            "line 3",
            "KeyError: 'TOKEN'",
            "TOKEN = os.environ",
        ],
    },
    Bad {
        name: "has no such attribute",
        manifest: "app = \"main:ap\"",
        files: &[("main.py", GOOD)],
        says: &["no app `main:ap`", "has no attribute `ap`", "`main:app`"],
    },
    Bad {
        name: "is not callable",
        manifest: APP,
        files: &[("main.py", "app = {\"not\": \"an app\"}\n")],
        says: &["`main:app` is not an app", "dict", "cannot be called"],
    },
    Bad {
        name: "misses a dependency",
        manifest: APP,
        files: &[("main.py", "import starlette.applications\n")],
        says: &["`starlette` is not installed", "main.py:1", "requirements"],
    },
    Bad {
        name: "imports in a circle",
        manifest: APP,
        files: &[
            ("main.py", "from one import first\n"),
            ("one.py", "from two import second\n\nfirst = 1\n"),
            ("two.py", "from one import first\n\nsecond = 2\n"),
        ],
        says: &["does not import", "circular import", "two.py"],
    },
    Bad {
        name: "never ends its import",
        manifest: "app = \"main:app\"\n[build]\ntimeout = \"3 s\"",
        files: &[
            ("main.py", "import slow\n"),
            ("slow.py", "while True:\n    pass\n"),
        ],
        says: &["importing main", "slow", "3s"],
    },
    Bad {
        name: "has a syntax error",
        manifest: APP,
        files: &[("main.py", "async def app(scope, receive, send)\n    pass\n")],
        says: &[
            "main.py",
            "SyntaxError: expected ':'",
            "async def app(scope, receive, send)",
        ],
    },
    Bad {
        name: "exits while it is imported",
        manifest: APP,
        files: &[("main.py", "import sys\n\nsys.exit(\"usage: main\")\n")],
        says: &[
            "does not import",
            "main.py:3",
            "sys.exit('usage: main')",
            "__main__",
        ],
    },
    Bad {
        name: "ends the interpreter while it is imported",
        manifest: APP,
        files: &[("main.py", "import os\n\nos._exit(7)\n")],
        says: &["does not import", "os._exit"],
    },
    Bad {
        name: "runs a server while it is imported",
        manifest: APP,
        files: &[("main.py", "import uvicorn\n\nuvicorn.run(\"main:app\")\n")],
        says: &[
            "does not import",
            "main.py:3",
            "wasgi serves the app itself",
            "__main__",
        ],
    },
    Bad {
        name: "fails when it is warmed up",
        manifest: "app = \"main:app\"\n[build]\nwarm_up = [\"/boom\"]",
        files: &[(
            "main.py",
            "async def app(scope, receive, send):\n    if scope[\"type\"] == \"http\":\n        raise RuntimeError(\"cold feet\")\n",
        )],
        says: &["/boom", "RuntimeError: cold feet", "main.py"],
    },
];

/// Each in its own folder, one after the other: a build takes both cores.
#[test]
fn apps_that_do_not_import_are_clear_errors() {
    let mut wrong = Vec::new();
    for bad in BAD {
        let folder = Folder::new("bad-app");
        let manifest = format!("name = \"bad\"\nlanguage = \"python\"\n{}\n", bad.manifest);
        folder.write("wasgi.toml", manifest);
        for (path, text) in bad.files {
            folder.write(path, text);
        }
        let mut command = wasgi();
        command
            .arg("build")
            .arg(folder.path(""))
            .arg("--no-optimize");
        let built = Finished::run(&mut command);
        let mut complaints = Vec::new();
        if built.code != Some(1) {
            complaints.push(format!("exit code {:?}, not 1", built.code));
        }
        for words in bad.says.iter().chain(&["error: ", "caused by: "]) {
            if !built.stderr.contains(words) {
                complaints.push(format!("does not say {words:?}"));
            }
        }
        // What is ours, and not the app's.
        for words in [
            "panicked",
            "componentize",
            "wasgi_entry",
            "Stack backtrace",
            "/0/wasgi",
        ] {
            if built.stderr.contains(words) {
                complaints.push(format!("mentions {words:?}"));
            }
        }
        if !built.stdout.is_empty() {
            complaints.push(format!("data for nothing: {}", built.stdout));
        }
        if !complaints.is_empty() {
            wrong.push(format!(
                "an app that {}:\n  {}\n{}",
                bad.name,
                complaints.join("\n  "),
                built.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
