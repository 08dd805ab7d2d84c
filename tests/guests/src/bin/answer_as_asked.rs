//! Answers as the query says: `status`, `header=name:value` (any number), `body` (one event each), `fill=N` (a body of N
//! bytes), `via=respond` for one action, `finish=no` to leave the body open, `pause=MS` before each body or path, `trailer=name:value`
//! (one event each), `trailers=announced` for none of those that `start` announces, `path=/x` for a file as the body.

use std::time::Duration;

use wasgi_guests::{number, query, unless_ok};
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let status = number(&scope, "status").map_or(Ok(200), u16::try_from)?;
    let (mut headers, mut bodies) = (Vec::new(), Vec::new());
    let (mut at_once, mut finish, mut pause) = (false, true, None);
    let (mut announced, mut trailers, mut path) = (false, Vec::new(), None);
    for (name, value) in query(&scope) {
        match name.as_str() {
            "header" => headers.push(pair(&value)),
            "trailer" => trailers.push(pair(&value)),
            "trailers" => announced = true,
            "path" => path = Some(String::from_utf8(value)?),
            "body" => bodies.push(value),
            "fill" => bodies.push(vec![b'x'; String::from_utf8(value)?.parse()?]),
            "via" => at_once = true,
            "finish" => finish = false,
            "pause" => pause = Some(Duration::from_millis(String::from_utf8(value)?.parse()?)),
            _ => {}
        }
    }
    if at_once {
        send.respond(status, headers, bodies.concat()).await?;
        return Ok(());
    }
    if announced || !trailers.is_empty() {
        send.start_with_trailers(status, headers).await?;
    } else {
        send.start(status, headers).await?;
    }
    if let Some(path) = path {
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        send.pathsend(path).await?;
        return Ok(());
    }
    if bodies.is_empty() {
        bodies.push(Vec::new());
    }
    let last = bodies.len() - 1;
    for (number, body) in bodies.into_iter().enumerate() {
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        send.body(body, number < last || !finish).await?;
    }
    let last = trailers.len();
    for (number, trailer) in trailers.into_iter().enumerate() {
        send.trailers([trailer], number + 1 < last).await?;
    }
    Ok(())
}

fn pair(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let cut = text
        .iter()
        .position(|byte| *byte == b':')
        .unwrap_or(text.len());
    let value = text.get(cut + 1..).unwrap_or_default();
    (text[..cut].to_vec(), value.to_vec())
}

wasgi_sdk::app!(app);

fn main() {}
