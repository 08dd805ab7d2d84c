//! One member's WebSocket: lines in, news out, as JSON.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use wasgi_sdk::service::WebSocketUpgrade;
use wasgi_sdk::{Error, WebSocket};

use crate::rooms::{Line, Member, Rooms};

/// Letters of a room's name, of a member's, and of a line.
const ROOM_MAX: usize = 64;
const FROM_MAX: usize = 40;
const TEXT_MAX: usize = 2_000;

/// The close code for what is no line (RFC 6455 7.4.1: data that it cannot accept).
const UNFIT: u16 = 1003;

/// `GET /rooms/{room}`: goes into the room.
pub(crate) async fn join(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if room.chars().count() > ROOM_MAX {
        return (
            StatusCode::BAD_REQUEST,
            "a room's name has at most 64 letters",
        )
            .into_response();
    }
    let Some(member) = rooms.join(&room) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "there are too many rooms").into_response();
    };
    upgrade
        .protocols(["chat"])
        .on_upgrade(|socket| talk(socket, member))
}

#[derive(Serialize)]
struct History<'a> {
    history: &'a [Line],
}

/// A slow member is told how much it has not heard.
#[derive(Serialize)]
struct Missed {
    missed: u64,
}

async fn talk(mut socket: WebSocket, mut member: Member) -> Result<(), Error> {
    let history = History {
        history: &member.history,
    };
    socket.send(json(&history)?).await?;
    loop {
        // Both wait without loss: what has not been returned comes the next time.
        tokio::select! {
            said = socket.recv() => {
                let Some(said) = said else {
                    return Ok(()); // the member has gone
                };
                match said.as_text().and_then(line) {
                    Some(line) => member.say(line),
                    None => {
                        socket.close(UNFIT, "a line is {\"from\": …, \"text\": …}").await?;
                        return Ok(());
                    }
                }
            }
            news = member.news.recv() => match news {
                Ok(news) => socket.send(json(&news)?).await?,
                Err(RecvError::Lagged(missed)) => socket.send(json(&Missed { missed })?).await?,
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

fn line(text: &str) -> Option<Line> {
    let line: Line = serde_json::from_str(text).ok()?;
    let fits = |text: &str, most| !text.is_empty() && text.chars().count() <= most;
    (fits(&line.from, FROM_MAX) && fits(&line.text, TEXT_MAX)).then_some(line)
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string(value)?)
}
