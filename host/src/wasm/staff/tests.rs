//! How many instances there are, and where, when this and that happens.

use super::*;
use Stage::{Busy, Leaving, Retiring, Serving, Starting};

fn staff(reuse: Reuse, min: usize, max: usize, calls_max: usize, threads: usize) -> Staff {
    let instances = Instances {
        reuse,
        min,
        max,
        ..Instances::default()
    };
    Staff::new(&instances, calls_max, threads)
}

/// Starts what is owed, and it becomes ready.
fn start_all(staff: &mut Staff) {
    for thread in 0..staff.threads.len() {
        while staff.owed(thread) > 0 {
            staff.begin(thread);
            staff.step(thread, Some(Starting), Some(Serving));
        }
    }
}

fn serving(staff: &Staff) -> Vec<usize> {
    staff.threads.iter().map(|it| it.of(Serving)).collect()
}

#[test]
fn a_deployment_starts_with_the_minimum_and_at_least_one_spread_over_the_threads() {
    for (min, threads, spread) in [
        (0, 2, vec![1, 0]),
        (1, 2, vec![1, 0]),
        (5, 3, vec![2, 2, 1]),
        (2, 0, vec![2]),
    ] {
        let mut staff = staff(Reuse::Concurrent, min, 8, 10, threads);
        start_all(&mut staff);
        assert_eq!(serving(&staff), spread);
        assert!(staff.settle(0, None).is_empty(), "and with no more");
    }
}

#[test]
fn who_waits_gets_another_instance_up_to_the_maximum() {
    let mut staff = staff(Reuse::Concurrent, 1, 4, 10, 2);
    start_all(&mut staff);
    assert_eq!(staff.settle(1, Some(0)), [1], "the thread that has none");
    assert!(staff.settle(10, Some(0)).is_empty(), "it takes ten");
    assert_eq!(
        staff.settle(11, Some(1)),
        [1],
        "both have one, counting the one to come"
    );
    assert_eq!(staff.settle(1000, Some(1)), [0]);
    assert!(staff.settle(1000, Some(1)).is_empty(), "four is all");
    start_all(&mut staff);
    assert_eq!(serving(&staff), [2, 2]);
    assert!(staff.settle(1000, None).is_empty());
}

#[test]
fn the_own_thread_comes_first_unless_it_has_more() {
    for (own, expected) in [(0, [0, 1, 2]), (1, [1, 0, 2]), (2, [2, 0, 1])] {
        let mut staff = staff(Reuse::Serial, 0, 8, 1, 3);
        start_all(&mut staff);
        staff.step(0, Some(Serving), None);
        let threads: Vec<_> = (1..=3)
            .flat_map(|waiting| staff.settle(waiting, Some(own)))
            .collect();
        assert_eq!(threads, expected);
    }
}

#[test]
fn a_serial_instance_takes_one_of_those_who_wait() {
    let mut staff = staff(Reuse::Serial, 1, 16, 1000, 1);
    start_all(&mut staff);
    assert_eq!(staff.settle(3, Some(0)).len(), 3);
    assert_eq!(staff.settle(3, Some(0)).len(), 0, "they are on their way");
    assert_eq!(staff.settle(100, Some(0)).len(), 12);
}

#[test]
fn whoever_dies_below_the_minimum_is_replaced_and_above_it_only_if_somebody_waits() {
    let mut staff = staff(Reuse::Concurrent, 2, 4, 10, 2);
    start_all(&mut staff);
    staff.step(1, Some(Serving), None);
    assert_eq!(staff.settle(0, Some(0)), [1], "where one is missing");
    start_all(&mut staff);
    staff.settle(1, Some(0));
    start_all(&mut staff);
    assert_eq!(serving(&staff), [2, 1]);
    staff.step(0, Some(Serving), None);
    assert!(staff.settle(0, Some(0)).is_empty());
    assert_eq!(staff.settle(1, Some(0)), [0]);
}

#[test]
fn whoever_retires_is_replaced_on_its_thread_also_above_the_minimum() {
    let mut staff = staff(Reuse::Concurrent, 0, 4, 10, 2);
    start_all(&mut staff);
    staff.settle(1, None);
    start_all(&mut staff);
    assert_eq!(serving(&staff), [1, 1]);
    for thread in [1, 0] {
        assert!(staff.may_retire(thread));
        staff.step(thread, Some(Serving), Some(Retiring));
        assert!(!staff.may_retire(thread), "one at a time");
        assert_eq!(staff.settle(0, Some(thread)), [thread]);
        assert!(staff.settle(0, Some(thread)).is_empty());
        start_all(&mut staff);
        assert!(staff.any_retiring());
        staff.step(thread, Some(Retiring), Some(Leaving));
        assert!(staff.settle(0, None).is_empty());
    }
}

#[test]
fn a_successor_that_dies_in_its_start_is_owed_again() {
    let mut staff = staff(Reuse::Concurrent, 1, 1, 10, 1);
    start_all(&mut staff);
    staff.step(0, Some(Serving), Some(Retiring));
    for _ in 0..3 {
        assert_eq!(staff.settle(5, Some(0)), [0]);
        staff.begin(0);
        assert!(staff.settle(5, Some(0)).is_empty());
        staff.step(0, Some(Starting), None);
    }
    // So is one that dies while it waits for its successor, once.
    staff.step(0, Some(Retiring), None);
    assert_eq!(staff.settle(0, None), [0]);
    assert!(staff.settle(5, None).is_empty());
}

#[test]
fn all_may_leave_at_once_and_no_more_than_there_may_be() {
    let mut staff = staff(Reuse::Concurrent, 3, 3, 10, 3);
    start_all(&mut staff);
    for thread in 0..3 {
        assert!(staff.may_retire(thread));
        staff.step(thread, Some(Serving), Some(Retiring));
        staff.settle(0, Some(thread));
    }
    start_all(&mut staff);
    for thread in 0..3 {
        staff.step(thread, Some(Retiring), Some(Leaving));
    }
    assert!(
        (0..3).all(|thread| !staff.may_retire(thread)),
        "six there are"
    );
    staff.step(2, Some(Leaving), None);
    assert!((0..3).all(|thread| staff.may_retire(thread)));
}

#[test]
fn surplus_is_what_is_above_the_minimum() {
    let mut staff = staff(Reuse::Concurrent, 1, 3, 10, 1);
    start_all(&mut staff);
    assert!(!staff.is_surplus());
    staff.settle(25, None);
    start_all(&mut staff);
    assert_eq!(serving(&staff), [3]);
    for _ in 0..2 {
        assert!(staff.is_surplus());
        staff.step(0, Some(Serving), Some(Leaving));
    }
    assert!(!staff.is_surplus());
    assert!(staff.settle(0, None).is_empty());
}

#[test]
fn with_a_minimum_of_none_the_last_one_goes_and_comes_back() {
    let mut staff = staff(Reuse::Concurrent, 0, 1, 10, 2);
    start_all(&mut staff);
    assert!(staff.is_surplus());
    staff.step(0, Some(Serving), Some(Leaving));
    assert!(staff.settle(0, None).is_empty());
    // The one before is not gone yet, and nobody waits for it.
    assert_eq!(staff.settle(1, Some(1)), [1]);
}

#[test]
fn isolated_ones_are_ready_before_they_are_needed_and_counted_until_they_end() {
    let mut staff = staff(Reuse::Isolated, 2, 4, 1000, 2);
    start_all(&mut staff);
    assert_eq!(serving(&staff), [1, 1]);
    staff.step(0, Some(Serving), Some(Busy));
    assert_eq!(staff.settle(0, Some(0)), [0], "where one was taken");
    start_all(&mut staff);
    staff.step(0, Some(Serving), Some(Busy));
    assert_eq!(staff.settle(3, Some(0)), [0], "four there are");
    staff.step(0, Some(Busy), None);
    assert_eq!(staff.settle(3, Some(0)), [0], "and a place is free");
    staff.step(0, Some(Busy), None);
    assert_eq!(
        staff.settle(0, Some(0)).len(),
        0,
        "three are ready: no more are needed"
    );
}

/// Whatever happens, in any order: never more than the maximum that stays, nobody waits without one that serves or comes, and
/// never more than twice the maximum in all.
#[test]
fn whatever_happens_the_bounds_hold() {
    let mut state = 9_u32;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for reuse in [Reuse::Concurrent, Reuse::Serial, Reuse::Isolated] {
        for (min, max, threads) in [(0, 1, 1), (1, 1, 2), (0, 5, 3), (2, 7, 2)] {
            let mut staff = staff(reuse, min, max, 3, threads);
            for _ in 0..20_000 {
                let thread = random(threads);
                let has = |staff: &Staff, stage| staff.threads[thread].of(stage) > 0;
                match random(8) {
                    0 | 1 if staff.owed(thread) > 0 => staff.begin(thread),
                    2 if has(&staff, Starting) => {
                        staff.step(thread, Some(Starting), Some(Serving));
                        let retiring = (0..threads).find(|it| staff.threads[*it].of(Retiring) > 0);
                        if let Some(thread) = retiring {
                            staff.step(thread, Some(Retiring), Some(Leaving));
                        }
                    }
                    3 if has(&staff, Serving) && staff.is_surplus() => {
                        staff.step(thread, Some(Serving), Some(Leaving));
                    }
                    4 if has(&staff, Serving) && reuse == Reuse::Isolated => {
                        staff.step(thread, Some(Serving), Some(Busy));
                    }
                    4 if has(&staff, Serving) && staff.may_retire(thread) => {
                        staff.step(thread, Some(Serving), Some(Retiring));
                    }
                    5 | 6 => {
                        let stage = [Starting, Serving, Retiring, Busy, Leaving][random(5)];
                        if has(&staff, stage) {
                            staff.step(thread, Some(stage), None);
                        }
                    }
                    _ => {}
                }
                let waiting = random(12);
                staff.settle(waiting, Some(thread));
                let coming = staff.threads.iter().map(|it| it.owed).sum::<usize>();
                let (staying, busy) = (staff.staying(), staff.all(Busy));
                assert!(staying + busy <= max, "{staff:?}");
                assert!(staying >= min.min(max - busy), "{staff:?}");
                let all = staying + busy + staff.all(Leaving) + staff.all(Retiring);
                assert!(all <= 2 * max, "{staff:?}");
                assert!(
                    staying + busy > 0 || waiting == 0 || coming > 0,
                    "{staff:?}"
                );
            }
        }
    }
}
