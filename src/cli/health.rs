//! `health`: checks whether the running service is ready, for containers and scripts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::config::Settings;
use crate::server::announcement::reachable;

/// The time limit of each step.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes read of the response, enough for its status.
const HEAD: u64 = 64;

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let address = reachable(settings.http.listen);
    let status = ask(address).with_context(|| format!("no service answers on {address}"))?;
    if status != "200" {
        bail!("the service on {address} is not ready: status {status}");
    }
    Ok(())
}

fn ask(address: std::net::SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream
        .write_all(format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut head = Vec::new();
    stream.take(HEAD).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    Ok(status.context("the response is not HTTP")?.to_owned())
}
