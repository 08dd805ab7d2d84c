//! The executor's parts, none of which knows what a call is: the queue of woken tasks, the timers, and
//! what a task can reach while it is polled.
//!
//! [`crate::event_loop`] puts them together. Nothing in here waits.

pub(crate) mod context;
pub(crate) mod join;
pub(crate) mod ready;
pub(crate) mod timers;
