//! Picks the component out of the messages that cargo prints, one JSON object a line.
//!
//! `build` reads cargo's stdout through it while cargo runs. Lines that are not about our target,
//! or not JSON at all, are none of its business.

use std::{
    io::{self, BufRead},
    path::PathBuf,
};

use serde::Deserialize;

use super::project::{Project, Target};

/// As much of one message as we read.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        package_id: String,
        target: Built,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Built {
    name: String,
    kind: Vec<String>,
}

/// Reads to the end and gives the last `.wasm` file of our target, if one was built.
pub(super) fn find(messages: impl BufRead, project: &Project) -> io::Result<Option<PathBuf>> {
    let mut found = None;
    for line in messages.lines() {
        let Ok(Message::CompilerArtifact {
            package_id,
            target,
            filenames,
        }) = serde_json::from_str(&line?)
        else {
            continue;
        };
        if package_id == project.package.id && target.is(&project.target) {
            let component = |path: &PathBuf| path.extension().is_some_and(|end| end == "wasm");
            found = filenames.into_iter().find(component).or(found);
        }
    }
    Ok(found)
}

impl Built {
    fn is(&self, wanted: &Target) -> bool {
        let has = |kind: &str| self.kind.iter().any(|have| have == kind);
        match wanted {
            Target::Library => has("cdylib"),
            Target::Binary(name) => has("bin") && self.name == *name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::build::rust::project::Package;

    const MESSAGES: &str = concat!(
        r#"{"reason":"compiler-artifact","package_id":"dep","target":{"name":"dep","kind":["cdylib"]},"filenames":["/t/dep.wasm"]}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"app","target":{"name":"build-script-build","kind":["custom-build"]},"filenames":["/t/build"]}"#,
        "\n",
        "something that is not JSON\n",
        r#"{"reason":"build-script-executed","package_id":"app"}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"app","target":{"name":"app","kind":["cdylib","rlib"]},"filenames":["/t/app.rlib","/t/app.wasm"]}"#,
        "\n",
        r#"{"reason":"compiler-artifact","package_id":"app","target":{"name":"tool","kind":["bin"]},"filenames":["/t/tool.wasm"]}"#,
        "\n",
        r#"{"reason":"build-finished","success":true}"#,
        "\n",
    );

    fn found(target: Target) -> Option<PathBuf> {
        let package: Package = serde_json::from_str(
            r#"{"id":"app","name":"app","manifest_path":"/app/Cargo.toml","targets":[]}"#,
        )
        .expect("a package");
        let project = Project {
            package,
            target,
            profile: "guest".to_owned(),
        };
        find(MESSAGES.as_bytes(), &project).expect("bytes in memory")
    }

    #[test]
    fn the_component_of_the_right_target_is_picked() {
        assert_eq!(found(Target::Library), Some(PathBuf::from("/t/app.wasm")));
        assert_eq!(
            found(Target::Binary("tool".into())),
            Some(PathBuf::from("/t/tool.wasm"))
        );
    }

    #[test]
    fn no_component_is_nothing() {
        assert_eq!(found(Target::Binary("other".into())), None);
    }
}
