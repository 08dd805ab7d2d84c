//! Who runs on which core: a server that starts as many threads as it sees cores is given one, and the client the rest.
//!
//! Servers differ in how many threads they start and none of them has the same switch for it; all of them look how many
//! cores they may use.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Does something, such as starting a process, on the last core of this process alone.
pub(crate) async fn on_one<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    within(last, work).await
}

/// Does something on all cores but that one, if there are others.
pub(crate) async fn on_the_others<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    within(others, work).await
}

/// This thread, and what it starts meanwhile, runs where it is told to; afterwards wherever it could before.
async fn within<T>(
    chosen: impl FnOnce(&CpuSet) -> CpuSet,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let all = sched_getaffinity(None)?;
    sched_setaffinity(None, &chosen(&all))?;
    let done = work.await;
    sched_setaffinity(None, &all)?;
    done
}

fn numbers(cores: &CpuSet) -> impl Iterator<Item = usize> {
    (0..CpuSet::MAX_CPU).filter(|number| cores.is_set(*number))
}

fn last(all: &CpuSet) -> CpuSet {
    let mut one = CpuSet::new();
    if let Some(number) = numbers(all).last() {
        one.set(number);
    }
    one
}

fn others(all: &CpuSet) -> CpuSet {
    let mut rest = *all;
    if all.count() > 1
        && let Some(number) = numbers(all).last()
    {
        rest.unset(number);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(numbers: &[usize]) -> CpuSet {
        let mut cores = CpuSet::new();
        numbers.iter().for_each(|number| cores.set(*number));
        cores
    }

    #[test]
    fn one_for_the_server_and_the_others_for_the_client() {
        for (all, one, rest) in [
            (&[0, 1][..], 1, &[0][..]),
            (&[2, 5, 7], 7, &[2, 5]),
            (&[3], 3, &[3]),
        ] {
            assert!(last(&cores(all)) == cores(&[one]), "{all:?}");
            assert!(others(&cores(all)) == cores(rest), "{all:?}");
        }
    }
}
