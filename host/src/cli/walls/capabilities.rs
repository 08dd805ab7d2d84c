//! Giving up what root may do, in every thread.
//!
//! Capabilities belong to threads, and by now there are some. As the C library does for `setuid`, each is sent a signal
//! whose handler gives up its own; it is over when the system says that none has any left.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// How often it is looked for threads that still have any. New ones inherit what those that start them have.
const ROUNDS: u32 = 200;

/// Between two looks.
const ROUND: Duration = Duration::from_millis(5);

/// Gives up all sets of all threads: effective, permitted, inheritable, ambient, and bounding where that is allowed.
pub(super) fn drop_everywhere() -> io::Result<()> {
    let dropped = drop_here();
    if with_some()?.is_empty() {
        return Ok(());
    }
    // What the system refuses here it refuses everywhere.
    dropped?;
    let signal = libc::SIGRTMAX() - 3;
    // It stays: a thread may have been told twice, and hears of it later.
    handle(signal, drop_here_by_signal)?;
    let dropped = (0..ROUNDS).try_for_each(|_| {
        let threads = with_some()?;
        if threads.is_empty() {
            // Ends the loop.
            return Err(None);
        }
        for thread in threads {
            tell(thread, signal);
        }
        std::thread::park_timeout(ROUND);
        Ok::<(), Option<io::Error>>(())
    });
    match dropped {
        Err(None) => Ok(()),
        Err(Some(error)) => Err(error),
        Ok(()) => Err(io::Error::other("a thread does not answer")),
    }
}

/// Of this thread. Only system calls, so that a handler may do it.
fn drop_here() -> io::Result<()> {
    for capability in 0..64 {
        if let Some(capability) = CapabilitySet::from_bits(1 << capability) {
            // Refused to those who have none to give up, and beyond the last one that there is.
            let _ = remove_capability_from_bounding_set(capability);
        }
    }
    let _ = clear_ambient_capability_set();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, none)?)
}

extern "C" fn drop_here_by_signal(_signal: libc::c_int) {
    // It is looked for those who still have some.
    let _ = drop_here();
}

/// The threads that may still do something.
fn with_some() -> io::Result<Vec<i32>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        // It may have ended meanwhile.
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let number = entry.file_name().to_string_lossy().parse();
        if let (true, Ok(number)) = (has_some(&status), number) {
            threads.push(number);
        }
    }
    Ok(threads)
}

fn has_some(status: &str) -> bool {
    let sets = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"];
    status.lines().any(|line| {
        let set = sets.iter().find_map(|name| line.strip_prefix(name));
        set.is_some_and(|bits| bits.trim().bytes().any(|digit| digit != b'0'))
    })
}

/// Has a signal handled.
#[allow(unsafe_code, reason = "signal handlers are the C library's")]
fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) -> io::Result<()> {
    // SAFETY: all zeroes is a valid action: the default one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the action lives until it returns, and the handler makes system calls only.
    match unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A thread of this process that has ended is not told.
#[allow(
    unsafe_code,
    reason = "no library sends signals to threads of one's own by number"
)]
fn tell(thread: i32, signal: libc::c_int) {
    // SAFETY: plain numbers.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_some_when_any_set_has_a_bit() {
        let status =
            |eff, amb| format!("Name:\tx\nCapInh:\t0000\nCapEff:\t{eff}\nCapAmb:\t{amb}\n");
        assert!(!has_some(&status("0000", "0000")));
        assert!(has_some(&status("0001", "0000")));
        assert!(has_some(&status("0000", "8000")));
        assert!(!has_some("CapBnd:\t000001ffffffffff\n"));
    }
}
