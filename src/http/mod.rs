//! Ring 4: HTTP. Wire types live and die here.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as WebApp, HttpServer};

use crate::app::App;

/// What an operator may decide about HTTP.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Origins of browsers that may call.
    pub cors_origins: Vec<String>,
    /// How long a request may take to arrive whole.
    pub read_deadline: Duration,
    /// How many threads serve.
    pub workers: usize,
    /// How long open requests may take to end after a stop was asked for.
    pub shutdown: Duration,
}

/// Serves on a listener until the returned server is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(_app: App, settings: Settings, listener: TcpListener) -> std::io::Result<Server> {
    let server = HttpServer::new(WebApp::new).workers(settings.workers).disable_signals().listen(listener)?.run();
    Ok(server)
}

/// The OpenAPI document as it is checked in.
#[must_use]
pub fn document() -> String {
    String::new()
}
