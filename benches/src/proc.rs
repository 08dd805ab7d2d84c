//! What Linux knows of a process: its processor time, its memory, its listening sockets.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Serialize;

/// A process and its descendants: some servers leave the work to a child. They come and go while we look.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        at += 1;
        for children in of_threads(pid, "children") {
            found.extend(children.split_whitespace().flat_map(str::parse::<u32>));
        }
    }
    found
}

/// A file that every thread of a process has. Threads that end meanwhile have none.
fn of_threads(pid: u32, file: &str) -> impl Iterator<Item = String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    threads.flat_map(move |thread| fs::read_to_string(thread?.path().join(file)))
}

/// Processor time of all threads that live, in the kernel and outside it, of a process and its descendants. The
/// scheduler counts nanoseconds, so intervals of a second are exact.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for times in tree(pid)
        .into_iter()
        .flat_map(|pid| of_threads(pid, "schedstat"))
    {
        let first = times.split_whitespace().next();
        nanoseconds += first.context("schedstat is empty")?.parse::<u64>()?;
    }
    ensure!(
        nanoseconds > 0,
        "no processor time: it has ended, or the kernel lacks CONFIG_SCHED_INFO"
    );
    Ok(Duration::from_nanos(nanoseconds))
}

/// What a process occupies, in KiB.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Resident pages, each as often as it is mapped.
    pub(crate) rss: u64,
    /// Resident pages, each once: shared ones by their share.
    pub(crate) pss: u64,
    /// Resident pages that belong to no file, any more or ever: what was written to.
    pub(crate) anonymous: u64,
    /// Page tables, which no resident set contains.
    pub(crate) tables: u64,
}

/// Reads it, of a process and its children: some servers do their work in those.
pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let mut sum = Memory::default();
    for pid in tree(pid) {
        let maps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        sum.rss += kib(&maps, "Rss:")?;
        sum.pss += kib(&maps, "Pss:")?;
        sum.anonymous += kib(&maps, "Anonymous:")?;
        sum.tables += kib(&status, "VmPTE:")?;
    }
    Ok(sum)
}

fn kib(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| format!("no `{name}`"))?.parse()?)
}

/// Whether the one socket that listens on this IPv4 port belongs to this process or to a descendant; none while
/// nobody listens.
pub(crate) fn listens(pid: u32, port: u16) -> anyhow::Result<Option<bool>> {
    let sockets = listening(&fs::read_to_string("/proc/net/tcp")?, port);
    let mut own = Vec::new();
    for pid in tree(pid) {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        own.extend(files.flat_map(|file| fs::read_link(file?.path())));
    }
    let ours = |inode: &String| own.contains(&PathBuf::from(format!("socket:[{inode}]")));
    Ok((!sockets.is_empty()).then(|| sockets.iter().all(ours)))
}

/// Inodes of the sockets that listen on `port`, from the text of `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let end = format!(":{port:04X}");
    let inode = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next()?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        (local.ends_with(&end) && state == LISTEN).then(|| inode.to_owned())
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_socket_is_ours_and_nobody_elses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ours = || listens(std::process::id(), port).unwrap();
        assert_eq!(ours(), Some(true));
        let mut other = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        assert_eq!(listens(other.id(), port).unwrap(), Some(false));
        other.kill().unwrap();
        other.wait().unwrap();
        drop(listener);
        assert_eq!(ours(), None);
    }

    #[test]
    fn children_belong_to_the_tree() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        assert!(tree(own).contains(&child.id()));
        assert_eq!(tree(child.id()), [child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!tree(own).contains(&child.id()));
    }

    #[test]
    fn connections_do_not_listen() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                     0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 x\n\
                     1: 0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 888 1 x\n";
        assert_eq!(listening(table, 8000), ["777"]);
        assert!(listening(table, 8001).is_empty());
    }

    #[test]
    fn time_and_memory_of_ourselves() {
        assert!(cpu(std::process::id()).unwrap() > Duration::ZERO);
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.rss >= memory.pss && memory.tables > 0);
    }
}
