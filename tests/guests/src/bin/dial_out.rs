//! Tries the network, which no app has been given.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let mut tried = Vec::new();
    for address in ["127.0.0.1:80", "[::1]:80", "169.254.169.254:80"] {
        let stream = std::net::TcpStream::connect(address);
        tried.push(format!("connect {}", stream.is_ok()));
        tried.push(format!(
            "bind {}",
            std::net::UdpSocket::bind(address).is_ok()
        ));
        tried.push(format!(
            "listen {}",
            std::net::TcpListener::bind(address).is_ok()
        ));
    }
    let names = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 80));
    tried.push(format!("resolve {}", names.is_ok()));
    text(&send, 200, tried.join(", ")).await
}

wasgi_sdk::app!(app);

fn main() {}
