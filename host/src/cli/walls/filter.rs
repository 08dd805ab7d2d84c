//! Which system calls are left: seccomp, on x86-64 and aarch64.
//!
//! **The server's filter** names what is not allowed among the calls of today and allows the rest of them, and nothing that
//! is not among them: neither calls that later kernels have, nor those of x86-64's second table (x32). A list of what is
//! allowed would be shorter, and would break with each version of the C library, the allocator or the runtime; what a
//! server's guest could make of the calls that stay (files that this user can open anyway, the sockets that are there) is
//! bounded by the user, by capabilities and by the sandbox itself. What goes is what turns a hole in the sandbox into more:
//! starting programs, looking into other processes, mounts and namespaces, kernel modules, keys, tracing and those
//! interfaces of the kernel that most of its holes were found in (bpf, `io_uring`, `userfaultfd`, `perf_event_open`).
//!
//! **The compiler's filter** is a short list: it computes, and reads and writes what is open. It opens nothing, connects to
//! nothing, starts nothing but threads, and makes no memory executable.
//!
//! What is not allowed fails with `ENOSYS`, as on a kernel that does not know it: libraries have other ways then (the
//! C library starts threads with `clone` where there is no `clone3`, whose flags no filter can see).

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter, apply_filter_all_threads,
};

use super::Programs;

type Filtered<T> = Result<T, Box<dyn std::error::Error>>;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The last call of Linux 6.10. Those between are numbered the same on all processors from 424 on.
const LAST_CALL: i64 = 462;

/// What no server needs, beside what starts programs.
const NOT_FOR_SERVERS: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Mounts, namespaces, roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Files by handles, which lead around folders; watching whole file systems.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_nfsservctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_personality,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Large interfaces with many holes so far.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Its flags cannot be seen: `clone` takes its place.
    libc::SYS_clone3,
];

/// Those of x86-64 that others never had.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[
    libc::SYS_modify_ldt,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    // create_module
    174,
    // get_kernel_syms
    177,
    // query_module
    178,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
    libc::SYS_kexec_file_load,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[];

/// What a process needs to be another user.
const IDENTITY: &[i64] = &[
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
];

/// Starting another program. `clone` may make threads only.
const START: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

/// What a compiler needs: memory, threads, time, and the files that are open.
const FOR_COMPILERS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_fcntl,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_get_mempolicy,
    libc::SYS_membarrier,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_prlimit64,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_sysinfo,
    // Names of threads.
    libc::SYS_prctl,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Closes it for a server, in all of its threads. `identity`: also what changes who it is, which programs that are started to
/// gain privileges might do first.
pub(super) fn close_server(programs: Programs, identity: bool) -> Filtered<()> {
    Ok(apply_filter_all_threads(&server(programs, identity)?)?)
}

/// Closes it for this thread, and all that it starts.
pub(in crate::cli) fn close_compiler() -> Filtered<()> {
    Ok(apply_filter(&compiler()?)?)
}

fn server(programs: Programs, identity: bool) -> Filtered<BpfProgram> {
    let mut rules: Rules = (0..=LAST_CALL).map(|call| (call, Vec::new())).collect();
    let mut forbid = |calls: &[i64]| calls.iter().for_each(|call| drop(rules.remove(call)));
    forbid(NOT_FOR_SERVERS);
    forbid(OLD);
    if identity {
        forbid(IDENTITY);
    }
    match programs {
        Programs::None => {
            forbid(START);
            rules.insert(libc::SYS_clone, vec![threads_only()?]);
        }
        Programs::Any => {
            let none = flags(0, NAMESPACES, 0)?;
            rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![none])?]);
        }
    }
    // Sockets of the network and of this machine; none of those that talk to the kernel's corners.
    let families = [
        libc::AF_UNIX,
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_NETLINK,
    ];
    let families = families.map(|family| {
        let family = u64::try_from(family).unwrap_or_default();
        is(0, SeccompCmpOp::Eq, family)
    });
    let families: Filtered<Vec<_>> = families.into_iter().collect();
    rules.insert(libc::SYS_socket, families?);
    // A terminal's input cannot be forged.
    rules.insert(libc::SYS_ioctl, vec![is(1, SeccompCmpOp::Ne, TIOCSTI)?]);
    filter(rules)
}

fn compiler() -> Filtered<BpfProgram> {
    let mut rules: Rules = FOR_COMPILERS
        .iter()
        .map(|call| (*call, Vec::new()))
        .collect();
    rules.insert(libc::SYS_clone, vec![threads_only()?]);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let executable = u64::try_from(libc::PROT_EXEC)?;
        rules.insert(
            call,
            vec![SeccompRule::new(vec![flags(2, executable, 0)?])?],
        );
    }
    filter(rules)
}

/// The same on both processors; the type of `libc`'s differs.
const TIOCSTI: u64 = 0x5412;

/// Every flag that makes a namespace.
const NAMESPACES: u64 = 0x7e02_0080;

fn threads_only() -> Filtered<SeccompRule> {
    let thread = u64::try_from(libc::CLONE_THREAD)?;
    Ok(SeccompRule::new(vec![
        flags(0, thread, thread)?,
        flags(0, NAMESPACES, 0)?,
    ])?)
}

/// Of the bits of an argument, those of `mask` are `value`.
fn flags(argument: u8, mask: u64, value: u64) -> Filtered<SeccompCondition> {
    let op = SeccompCmpOp::MaskedEq(mask);
    Ok(SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Qword,
        op,
        value,
    )?)
}

/// The kernel looks at the lower half of these arguments only.
fn is(argument: u8, op: SeccompCmpOp, value: u64) -> Filtered<SeccompRule> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn filter(rules: Rules) -> Filtered<BpfProgram> {
    let not_there = SeccompAction::Errno(u32::try_from(libc::ENOSYS)?);
    let processor = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, not_there, SeccompAction::Allow, processor)?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_are_programs_that_the_kernel_takes() {
        // BPF_MAXINSNS.
        for programs in [Programs::None, Programs::Any] {
            let length = server(programs, true).unwrap().len();
            assert!((500..4096).contains(&length), "{length}");
        }
        assert!(compiler().unwrap().len() < 500);
    }
}
