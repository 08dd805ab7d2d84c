//! The command line as typed.

use clap::error::ErrorKind;

use super::*;

fn serve(flags: &[&str]) -> Result<ServeArgs, clap::Error> {
    let args = ["wasgi", "serve", "app"].iter().chain(flags);
    match parse_from(args)? {
        Command::Serve(args) => Ok(*args),
        _ => Err(clap::Error::new(ErrorKind::InvalidSubcommand)),
    }
}

#[test]
fn every_flag_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn the_defaults_are_those_of_the_help() {
    let args = serve(&[]).expect("no flags");
    assert_eq!(
        (args.host.as_str(), args.port, args.workers),
        ("127.0.0.1", 8000, None)
    );
    assert!(args.access_log && !args.no_access_log && args.root_path.is_empty());
    assert_eq!(args.timeout_graceful_shutdown, None);
    assert_eq!(args.log_level, LogLevel::Info);
}

#[test]
fn the_later_of_two_access_log_flags_counts() {
    let logs = |flags: &[&str]| {
        let args = serve(flags).expect("legal flags");
        args.access_log && !args.no_access_log
    };
    assert!(!logs(&["--no-access-log"]));
    assert!(!logs(&["--access-log=false"]));
    assert!(!logs(&["--access-log", "--no-access-log"]));
    assert!(logs(&["--no-access-log", "--access-log"]));
}

#[test]
fn the_later_of_two_header_flags_counts() {
    let own = |flags: &[&str]| {
        let args = serve(flags).expect("legal flags");
        (
            args.date_header && !args.no_date_header,
            args.server_header && !args.no_server_header,
            args.header.len(),
        )
    };
    assert_eq!(own(&[]), (true, true, 0));
    let off = ["--no-date-header", "--no-server-header"];
    assert_eq!(own(&off), (false, false, 0));
    assert_eq!(
        own(&["--no-date-header", "--date-header", "--server-header=no"]),
        (true, false, 0)
    );
    assert_eq!(own(&["--header", "a:1", "--header=a:2"]), (true, true, 2));
}

#[test]
fn a_socket_and_a_port_contradict_each_other() {
    for flags in [
        ["--uds", "a.sock", "--port", "80"],
        ["--host", "::1", "--uds", "a.sock"],
    ] {
        let error = serve(&flags).err().expect("a conflict");
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
    }
    assert!(serve(&["--uds", "a.sock"]).is_ok());
}

#[test]
fn a_descriptor_is_a_number_or_a_name() {
    use serve::place::Descriptor;
    let fd = |text| serve(&["--fd", text]).ok().and_then(|args| args.fd);
    assert_eq!(fd("3"), Some(Descriptor::Number(3)));
    assert_eq!(fd("http"), Some(Descriptor::Name("http".to_owned())));
    assert_eq!(fd("3x"), Some(Descriptor::Name("3x".to_owned())));
    assert_eq!((fd(""), fd("99999999999")), (None, None));
}

#[test]
fn permissions_are_octal() {
    let mode =
        |text| serve(&["--uds", "s", "--uds-permissions", text]).map(|args| args.uds_permissions);
    assert_eq!(mode("660").ok(), Some(Some(0o660)));
    assert_eq!(mode("0o666").ok(), Some(Some(0o666)));
    for wrong in ["888", "1000", "", "-1", "+7", "rw"] {
        assert!(mode(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_root_path_is_a_plain_path() {
    for legal in ["", "/shop", "/a/b", "/caffè"] {
        assert!(serve(&["--root-path", legal]).is_ok(), "{legal}");
    }
    for illegal in ["shop", "/", "/shop/", "/a?b", "/a#b", "/a//b", "/a\n"] {
        assert!(serve(&["--root-path", illegal]).is_err(), "{illegal}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    assert!(serve(&["--workers", "0"]).is_err());
    assert!(serve(&["--port", "65536"]).is_err());
    assert!(serve(&["--timeout-graceful-shutdown", "-1"]).is_err());
    assert!(serve(&["--limit-concurrency", "0"]).is_err());
}

#[test]
fn what_clients_may_do_is_what_the_limits_say() {
    let defaults = super::serve::wire(&serve(&[]).expect("no flags").clients);
    assert_eq!(defaults, wasgi::server::wire::Settings::default());
    let flags = [
        "--timeout-keep-alive=5",
        "--timeout-head=4",
        "--timeout-stalled-write=3",
        "--limit-head-bytes=2048",
        "--limit-headers=16",
        "--limit-target-bytes=256",
        "--half-close",
    ];
    let settings = super::serve::wire(&serve(&flags).expect("legal flags").clients);
    let seconds = std::time::Duration::from_secs;
    assert_eq!(
        (settings.keep_alive, settings.head, settings.stalled_write),
        (seconds(5), seconds(4), seconds(3))
    );
    assert_eq!(
        (
            settings.sizes.head_bytes_max,
            settings.sizes.headers_max,
            settings.sizes.target_bytes_max,
            settings.half_close
        ),
        (2048, 16, 256, true)
    );
    for flag in [
        "--timeout-keep-alive=0",
        "--timeout-head=0",
        "--limit-head-bytes=1000",
        "--limit-target-bytes=70000",
        "--limit-headers=0",
    ] {
        assert!(serve(&[flag]).is_err(), "{flag}");
    }
}

#[test]
fn w22_w23_w25_websockets_are_as_the_limits_say_unless_flags_do() {
    let settings = |flags: &[&str]| {
        let args = serve(flags).expect("legal flags").websockets;
        (super::serve::websocket(&args), args.ws_max_size)
    };
    let defaults = wasgi::server::websocket::Settings::default();
    assert_eq!(settings(&[]), (defaults, None));
    let flags = [
        "--ws-max-size=1000",
        "--ws-ping-interval=5",
        "--ws-ping-timeout",
        "0",
        "--ws-per-message-deflate",
        "false",
    ];
    let other = wasgi::server::websocket::Settings {
        ping_interval: Some(std::time::Duration::from_secs(5)),
        ping_timeout: None,
        deflate: false,
    };
    assert_eq!(settings(&flags), (other, Some(1000)));
    assert!(serve(&["--ws-max-size=0"]).is_err());
    assert!(serve(&["--ws-ping-interval=x"]).is_err());
}
