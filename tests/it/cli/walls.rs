//! Walls around the process, as the system sees them: `/proc/PID/task/*/status`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Command, Stdio};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use wasgi_tests::{Folder, Program, apps, eventually, guests, wasgi};

use super::{Process, complaint};

/// What the system says of each thread: the values of these lines.
fn of_threads(program: &Program, line: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let values = tasks.filter_map(|task| {
        // A thread may have ended meanwhile.
        let status = fs::read_to_string(task.unwrap().path().join("status")).ok()?;
        let found = status.lines().find_map(|found| found.strip_prefix(line));
        Some(found.expect("a line").trim().to_owned())
    });
    values.collect()
}

#[track_caller]
fn all_have(program: &Program, line: &str, value: &str) {
    let found = of_threads(program, line);
    assert!(found.len() > 1, "{found:?}");
    assert!(found.iter().all(|one| one == value), "{line} {found:?}");
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

const NONE: &str = "0000000000000000";

#[test]
fn every_thread_of_a_server_is_walled_in() {
    let program = Program::serve(apps::HELLO.path(), &["--workers", "2"]);
    assert_eq!(program.client().get("/").status, 200);
    all_have(&program, "NoNewPrivs:", "1");
    all_have(&program, "Seccomp:", "2");
    for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
        all_have(&program, set, NONE);
    }
    if is_root() {
        all_have(&program, "CapBnd:", NONE);
    }
    let said = program.wait_line("walls around the process:");
    assert!(
        said.contains("no new privileges, no capabilities, seccomp (starts no programs)"),
        "{said}"
    );
    assert!(!said.contains("open:"), "{said}");
}

#[test]
fn each_wall_can_be_left_open() {
    let flags = [
        "--no-seccomp",
        "--keep-capabilities",
        "--allow-new-privileges",
    ];
    let program = Program::serve(apps::HELLO.path(), &flags);
    assert_eq!(program.client().get("/").status, 200);
    all_have(&program, "NoNewPrivs:", "0");
    all_have(&program, "Seccomp:", "0");
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("CapEff:"));
    all_have(&program, "CapEff:", own.unwrap().trim());
    program.wait_line(
        "walls around the process: none; open: --allow-new-privileges, --keep-capabilities, --no-seccomp",
    );
}

#[test]
fn with_reload_programs_can_still_be_started() {
    let folder = Folder::new("walls");
    fs::copy(apps::HELLO.path(), folder.path("hello.wasm")).unwrap();
    // Not an app that can be built: the server says so, and stands.
    folder.write("wasgi.toml", "name = \"hello\"\n");
    let mut command = wasgi();
    command.args(["serve", "--reload", "--port", "0"]);
    let process = Process::start(command.arg(folder.path("")));
    eventually("it says what stands", || {
        let said = process.said();
        said.contains("seccomp (may start programs: --reload)")
            && said.contains("open: capabilities, for builds (--reload)")
    });
}

/// In a container that lets nobody put up walls of his own: one warning that names each, and the app answers.
#[test]
fn walls_that_the_system_refuses_are_a_warning() {
    let refused = [
        (libc::SYS_seccomp, vec![]),
        (libc::SYS_capset, vec![]),
        (
            libc::SYS_prctl,
            [libc::PR_SET_NO_NEW_PRIVS, libc::PR_SET_SECCOMP]
                .map(|option| {
                    let option = u64::try_from(option).unwrap();
                    let is =
                        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, option);
                    SeccompRule::new(vec![is.unwrap()]).unwrap()
                })
                .to_vec(),
        ),
    ];
    let container: BpfProgram = SeccompFilter::new(
        refused.into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .and_then(TryInto::try_into)
    .unwrap();
    // The filter is its thread's, and the program's that it starts.
    let started = std::thread::spawn(move || {
        // Built before.
        let mut command = wasgi();
        command.args(["serve", "--port", "0"]);
        command.arg(apps::HELLO.path());
        apply_filter(&container).unwrap();
        Program::start(&mut command)
    });
    let program = started.join().unwrap();
    assert_eq!(program.client().get("/").status, 200);
    let warned = program.wait_line("not every wall around the process could be put up");
    assert!(
        warned.contains("new privileges are possible: Operation not permitted"),
        "{warned}"
    );
    assert!(warned.contains("no seccomp filter:"), "{warned}");
    // Who is not root has none to give up.
    let kept = warned.contains("capabilities are kept: Operation not permitted");
    assert_eq!(kept, is_root(), "{warned}");
    let said = program.wait_line("walls around the process: ");
    let standing = if is_root() { "none" } else { "no capabilities" };
    assert!(said.ends_with(standing), "{said}");
}

/// `--user`: ports as root, everything else as somebody else, who has nothing of root's.
#[test]
fn a_server_can_become_another_user() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("walls");
    fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let app = folder.path("app.wasm");
    fs::copy(guests::ECHO.path(), &app).unwrap();
    let cache = folder.path("cache");
    fs::create_dir(&cache).unwrap();
    chown(&cache, Some(54_321), Some(54_322)).unwrap();
    let binary = folder.path("wasgi");
    fs::copy(wasgi().get_program(), &binary).unwrap();
    let mut command = Command::new(&binary);
    command
        .args(["serve", "--port", "0", "--user", "54321:54322"])
        .arg(&app)
        .env("WASGI_CACHE_DIR", &cache);
    let program = Program::start(&mut command);
    program.client().assert_kept();
    all_have(&program, "Uid:", "54321\t54321\t54321\t54321");
    all_have(&program, "Gid:", "54322\t54322\t54322\t54322");
    all_have(&program, "Groups:", "");
    all_have(&program, "CapEff:", NONE);
    all_have(&program, "CapPrm:", NONE);
    all_have(&program, "Seccomp:", "2");
    let said = program.wait_line("walls around the process:");
    assert!(said.contains("user 54321:54322"), "{said}");
    let mut kept = fs::read_dir(&cache).unwrap().map(Result::unwrap);
    assert!(kept.all(|entry| entry.metadata().unwrap().uid() == 54_321));
}

#[test]
fn a_user_that_is_not_there_is_an_error() {
    let mut command = wasgi();
    command.args(["serve", "--port", "0", "--user", "nobody-of-this-name"]);
    let finished = Process::start(command.arg(apps::HELLO.path())).finished();
    complaint(&finished).says(
        "there is no user `nobody-of-this-name`",
        "/etc/passwd",
        "NAME or NAME:GROUP",
    );
}

/// What a compiler may do is less still; it has given it up before it reads a byte.
#[test]
fn the_process_that_compiles_is_walled_in_before_it_reads() {
    let mut command = wasgi();
    command.args(["compile", "--cpu=10", "--memory=1000000000", "--"]);
    command.args([&"0".repeat(64), "app.wasm"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = command
        .stdin(reader)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
    eventually("it is walled in", || of("status").contains("Seccomp:\t2"));
    assert!(of("status").contains("NoNewPrivs:\t1"));
    let limits = of("limits");
    for (what, most) in [
        ("Max cpu time", "10"),
        ("Max data size", "1000000000"),
        ("Max file size", "1073741824"),
        ("Max open files", "32"),
        ("Max core file size", "0"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(what));
        let soft = line.unwrap().split_whitespace().next();
        assert_eq!(soft, Some(most), "{what}");
    }
    // An empty file is no component.
    drop(writer);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
