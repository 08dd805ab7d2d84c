//! Apps that do not start: exit code 1, the app's own words, and nobody listens.

use std::path::Path;

use wasgi_tests::{Folder, Guest, guests, wasgi};

use super::{Complaint, Process, complaint};

/// Serves on a Unix socket, whose file tells afterwards that nobody listens.
#[track_caller]
fn does_not_start(guest: Guest, arguments: &[&str], manifest: Option<&Path>) -> Complaint {
    let folder = Folder::new("startup");
    let socket = folder.path("s");
    let mut command = wasgi();
    command.arg("serve").arg(guest.path()).args(arguments);
    command.arg("--uds").arg(&socket);
    if let Some(manifest) = manifest {
        command.arg("--manifest").arg(manifest);
    }
    let complaint = complaint(&Process::start(&mut command).finished());
    assert!(!socket.exists(), "the socket's file stays behind");
    complaint
}

/// `L-05`.
#[test]
fn a_failed_startup_is_an_error_with_the_apps_message() {
    for workers in ["1", "2"] {
        does_not_start(guests::FAIL_STARTUP, &["--workers", workers], None).says(
            "the app `fail-startup` does not start",
            "lifespan.startup.failed: secret: the database is away",
            "its own message says why",
        );
    }
}

/// `L-08`.
#[test]
fn a_startup_that_takes_too_long_is_an_error_that_names_the_limit() {
    let folder = Folder::new("startup");
    let text = "name = \"slow\"\n[limits]\nstartup = \"100 ms\"\n";
    let manifest = folder.write("slow.toml", text);
    does_not_start(guests::HANG_IN_STARTUP, &[], Some(&manifest)).says(
        "the app `slow` does not start",
        "",
        "it had 100ms (limit `startup` in wasgi.toml)",
    );
}

#[test]
fn a_trap_in_startup_is_an_error() {
    let complaint = does_not_start(guests::TRAP_IN_STARTUP, &[], None);
    complaint.says(
        "the app `trap-in-startup` does not start",
        "the app aborted",
        "see the app's own lines above",
    );
}

/// A component that leaves `run` at once is no app.
#[test]
fn an_app_that_ends_before_its_startup_is_an_error() {
    let complaint = does_not_start(guests::RETURN_BEFORE_STARTUP, &[], None);
    complaint.says("does not start", "`run` returned before shutdown", "");
}
