//! How long a connection may go on before others have their turn.

use std::future::poll_fn;

use tokio::net::TcpListener;

use super::*;

const PIECE: &[u8] = &[b'.'; 64 * 1024];
const ALL_BYTES: usize = 16 * 1024 * 1024;

async fn pair() -> (Guard<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, server) = (client.await.unwrap(), listener.accept().await.unwrap().0);
    let mut guard = Guard::new(server, &Settings::default(), Arc::new(Shared::new()));
    guard.pass_all();
    (guard, client)
}

/// Moves [`ALL_BYTES`] in a task of its own; how many bytes went in each turn.
async fn turns<F>(mut go_on: F) -> Vec<usize>
where
    F: FnMut(&mut Context<'_>) -> Poll<usize> + Send + 'static,
{
    let task = async move {
        let (mut turns, mut moved) = (Vec::new(), 0);
        poll_fn(|cx| {
            let mut turn = 0;
            while let Poll::Ready(count) = go_on(cx) {
                turn += count;
                moved += count;
                if moved >= ALL_BYTES {
                    return Poll::Ready(());
                }
            }
            turns.push(turn);
            Poll::Pending
        })
        .await;
        turns
    };
    tokio::spawn(task).await.unwrap()
}

fn is_fair(turns: &[usize]) -> bool {
    // The last piece may begin within the turn and end behind it.
    turns.len() >= 64 && turns.iter().all(|bytes| *bytes < 256 * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_much_lets_others_have_their_turn() {
    let (mut guard, mut client) = pair().await;
    let reader = tokio::spawn(async move {
        tokio::io::copy(&mut client, &mut tokio::io::sink())
            .await
            .unwrap();
    });
    let turns = turns(move |cx| {
        Pin::new(&mut guard)
            .poll_write(cx, PIECE)
            .map(|wrote| wrote.unwrap())
    });
    let turns = turns.await;
    assert!(is_fair(&turns), "{turns:?}");
    reader.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_much_lets_others_have_their_turn() {
    let (mut guard, mut client) = pair().await;
    let writer = tokio::spawn(async move {
        for _ in 0..ALL_BYTES / PIECE.len() {
            client.write_all(PIECE).await.unwrap();
        }
    });
    let mut buffer = vec![0; PIECE.len()];
    let turns = turns(move |cx| {
        let mut read = ReadBuf::new(&mut buffer);
        let poll = Pin::new(&mut guard).poll_read(cx, &mut read);
        poll.map(|done| done.map(|()| read.filled().len()).unwrap())
    });
    let turns = turns.await;
    assert!(is_fair(&turns), "{turns:?}");
    writer.await.unwrap();
}
