//! State and settings that all APIs share.

use std::time::Duration;

use ipnet::IpNet;

use super::docs::Served;
use super::fixed::Public;
use super::room::Room;
use super::waiting::Waiting;
use crate::app::App;

/// HTTP settings of the operator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Origins whose pages may call every operation; any page may call those that need no key or a browser key.
    pub cors_origins: Vec<String>,
    /// Whether pages served from localhost may call every operation too.
    pub cors_local: bool,
    /// Proxies whose forwarding headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Maximum bytes of all request bodies in progress together.
    pub body_room: usize,
    /// Public base URL of the service, without a path; used for links.
    pub public_url: Option<String>,
    pub connections: usize,
    /// How long a request may take to arrive completely.
    pub read_deadline: Duration,
    /// How long a peer may take to read one write.
    pub answer_deadline: Duration,
    pub workers: usize,
    /// How long requests in progress may take to end after a stop is requested.
    pub shutdown: Duration,
}

pub(crate) struct State {
    pub(in crate::http) app: App,
    pub(in crate::http) settings: Settings,
    pub(in crate::http) document: Served,
    pub(in crate::http) room: Room,
    pub(in crate::http) public: Public,
    pub(in crate::http) waiting: Waiting,
}

impl State {
    pub(in crate::http) fn new(app: App, settings: Settings, document: Served) -> Self {
        let room = Room::new(settings.body_room);
        Self { app, settings, document, room, public: Public::default(), waiting: Waiting::default() }
    }
}
