//! Being an attacker's client: of `neighbours.rs`, which looks at what one attack gets, and of `bin/attack.rs`, which
//! attacks again and again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How often a client looks whether it is ahead of its pace.
const LOOK: Duration = Duration::from_millis(1);

/// One attack: asks the attacker of this number for `path`, and reads what comes for as long as it comes, `bytes_per_s` at
/// most. Gives the first piece of the answer.
///
/// # Errors
/// When there is no connection, or no more.
pub(crate) async fn provoke(
    address: SocketAddr,
    number: usize,
    path: &str,
    bytes_per_s: f64,
) -> std::io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect(address).await?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: evil{number}.test\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let (mut first, mut buffer) = (Vec::new(), vec![0; 65_536]);
    let (began, mut so_far) = (Instant::now(), 0.0);
    loop {
        while so_far > began.elapsed().as_secs_f64() * bytes_per_s {
            tokio::time::sleep(LOOK).await;
        }
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(first);
        }
        so_far += read as f64;
        if first.is_empty() {
            first.extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    }
}
