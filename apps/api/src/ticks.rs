//! Server-sent events: a number every now and then.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Query;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use wasgi_sdk::task::interval;

#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Rhythm {
    /// Milliseconds between two ticks.
    every: u64,
    /// How many; for ever without it.
    count: Option<u64>,
}

impl Default for Rhythm {
    fn default() -> Rhythm {
        Rhythm {
            every: 1_000,
            count: None,
        }
    }
}

/// `GET /ticks?every=&count=`: when the client leaves, the stream is dropped where it waits.
pub(crate) async fn ticks(
    Query(rhythm): Query<Rhythm>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = interval(Duration::from_millis(rhythm.every));
    let last = rhythm.count.unwrap_or(u64::MAX);
    Sse::new(stream::unfold(
        (ticks, 0),
        move |(mut ticks, number)| async move {
            if number == last {
                return None;
            }
            ticks.tick().await;
            let number = number + 1;
            Some((
                Ok(Event::default().data(number.to_string())),
                (ticks, number),
            ))
        },
    ))
}
