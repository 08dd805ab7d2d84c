//! Where a server listens: one of a host and port, a Unix socket, and a socket that was passed to it.
//!
//! What was typed goes before what was inherited by the environment, and two of a kind contradict each other. A socket that
//! systemd passes was meant for this process, so it goes before the environment, too.

use std::os::fd::RawFd;

use clap::{ArgMatches, parser::ValueSource};
use wasgi::{
    error::{Error, Result},
    server::{Inherited, Listeners},
};

use crate::cli::ServeArgs;

/// `--fd`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    Number(RawFd),
    /// What systemd calls it (`FileDescriptorName=`).
    Name(String),
}

/// Reads `--fd`.
pub(crate) fn descriptor(text: &str) -> Result<Descriptor, String> {
    if text.is_empty() {
        return Err("it is the number of a descriptor, or the name of a socket".to_owned());
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Descriptor::Name(text.to_owned()));
    }
    match text.parse() {
        Ok(number) => Ok(Descriptor::Number(number)),
        Err(_) => Err("no descriptor has so high a number".to_owned()),
    }
}

/// Reads `--uds-permissions`, in octal as for `chmod`.
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 && !digits.starts_with('+') => Ok(mode),
        _ => Err("it is a mode as for chmod: up to 777, for example 660".to_owned()),
    }
}

/// A socket that was passed to this process, if it is to be used. To be called before anything is opened.
pub(super) fn inherited(args: &ServeArgs) -> Result<Option<Inherited>> {
    match &args.fd {
        Some(Descriptor::Number(number)) => Inherited::descriptor(*number).map(Some),
        Some(Descriptor::Name(name)) => Inherited::activated(Some(name)),
        None if args.place_is_typed && Inherited::is_activated() => {
            Err(Error::user("there are two places to listen")
                .because("systemd has passed a socket, and --host, --port or --uds names another")
                .hint("leave the flag out, or start it without the .socket unit"))
        }
        None if args.place_is_typed => Ok(None),
        None => Inherited::activated(None),
    }
}

/// The sockets for so many threads.
pub(super) fn listen(
    args: &ServeArgs,
    inherited: Option<Inherited>,
    threads: usize,
) -> Result<Listeners> {
    match (inherited, &args.uds, args.uds_permissions) {
        (Some(given), ..) => Listeners::inherited(given, threads),
        (None, Some(path), None) => Listeners::unix(path, threads),
        (None, Some(path), Some(mode)) => Listeners::unix(path, threads)?.permit(mode),
        (None, None, _) => Listeners::tcp(&args.host, args.port, threads),
    }
}

/// What each place is called, when typed and in the environment.
const PLACES: [(&str, &str); 3] = [
    ("--fd", "WASGI_FD"),
    ("--uds", "WASGI_UDS"),
    ("--host or --port", "WASGI_HOST or WASGI_PORT"),
];

/// Leaves one place to listen: the one that was typed, else the one of the environment.
pub(crate) fn settle(args: &mut ServeArgs, matches: &ArgMatches) -> Result<(), String> {
    let from = |name: &str, source| matches.value_source(name) == Some(source);
    let named = |source| {
        let tcp = from("host", source) || from("port", source);
        let places = [from("fd", source), from("uds", source), tcp];
        PLACES.into_iter().zip(places).filter(|(_, named)| *named)
    };
    let (typed, inherited) = (ValueSource::CommandLine, ValueSource::EnvVariable);
    let mut places: Vec<_> = named(typed).map(|((flag, _), _)| flag).collect();
    args.place_is_typed = !places.is_empty();
    if places.is_empty() {
        places.extend(named(inherited).map(|((_, variable), _)| variable));
    }
    if let [first, second, ..] = places[..] {
        return Err(format!("{first} cannot be used with {second}"));
    }
    if args.place_is_typed {
        args.fd = args.fd.take().filter(|_| from("fd", typed));
        args.uds = args.uds.take().filter(|_| from("uds", typed));
    }
    if from("uds_permissions", typed) && args.uds.is_none() {
        return Err("--uds-permissions needs --uds".to_owned());
    }
    Ok(())
}
