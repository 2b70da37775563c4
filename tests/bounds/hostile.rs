//! Misbehaving clients: raw bytes on connections from chosen addresses, and the resources that the service holds for them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, timeout};

use crate::service::Service;

/// The shortest request for a large public document.
pub(crate) const DOCUMENT: &str = "GET /openapi.json HTTP/1.1\r\nhost:x\r\n\r\n";

/// Opens a connection from a given loopback address.
pub(crate) async fn connect(to: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// The client address of a connection; 100 connections share one address.
pub(crate) fn address(network: u8, number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, network, u8::try_from(1 + number / 100).unwrap())
}

/// Opens `count` connections and sends the bytes on each.
pub(crate) async fn crowd(to: SocketAddr, network: u8, count: usize, bytes: &str) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for number in 0..count {
        let Ok(mut stream) = connect(to, address(network, number)).await else { continue };
        // Bytes that do not fit into the socket buffer are dropped: these clients do not read.
        let _ = stream.try_write(bytes.as_bytes());
        stream.flush().await.unwrap();
        streams.push(stream);
    }
    streams
}

/// Sends one byte per second on each connection until it is dropped; skips closed connections.
pub(crate) async fn drip(mut streams: Vec<TcpStream>) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        for stream in &mut streams {
            let _ = stream.try_write(b"x");
        }
    }
}

/// Whether the service closes the connection within a time, whatever it sends before.
pub(crate) async fn closes(stream: &mut TcpStream, within: Duration) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    let end = async {
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                return;
            }
        }
    };
    timeout(within, end).await.is_ok()
}

/// Sends bytes and reads until the wanted text arrives; false if the connection fails first.
pub(crate) async fn exchange(stream: &mut TcpStream, bytes: &str, wanted: &str) -> bool {
    if stream.write_all(bytes.as_bytes()).await.is_err() {
        return false;
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    let answered = async {
        while let Ok(count) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
            if String::from_utf8_lossy(&answer).contains(wanted) {
                return true;
            }
            if count == 0 {
                break;
            }
        }
        false
    };
    timeout(Duration::from_secs(20), answered).await.unwrap_or(false)
}

/// Polls a condition. Returns the time until it held, or `None` if it did not hold within the bound.
pub(crate) async fn until(bound: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let start = Instant::now();
    let mut polls = interval(Duration::from_millis(50));
    while start.elapsed() < bound {
        polls.tick().await;
        if holds() {
            return Some(start.elapsed());
        }
    }
    None
}

/// Number of open file descriptors of the service.
pub(crate) fn descriptors(service: &Service) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", service.process())).unwrap().count()
}

/// CPU time of the service, in seconds.
pub(crate) fn processor(service: &Service) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", service.process())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = [11, 12].map(|field: usize| fields[field].parse::<f64>().unwrap()).iter().sum();
    // Linux reports it in hundredths of a second.
    ticks / 100.0
}
