//! Scoring without storing, compared with a bare server that reads the same body and responds with a constant of the same
//! size.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::generator::{Load, ask};
use crate::requests::Repeated;
use crate::table::Table;
use crate::world::World;
use crate::{progress, usage_rows};

/// 59 answers.
pub(crate) const FULL: &str = include_str!("../full_answers.json");

/// Both servers and their request.
pub(crate) struct Scores {
    service: Rc<Repeated>,
    constant: Rc<Repeated>,
    bare: Bare,
    address: SocketAddr,
}

impl Scores {
    /// Checks that both responses have the same number of bytes.
    pub(crate) async fn new(world: &World) -> Self {
        let answers: serde_json::Value = serde_json::from_str(FULL).unwrap();
        let body = serde_json::json!({ "answers": answers }).to_string();
        let key = &world.clinics[0].intake;
        let service = Repeated::post(key, "/v1/scores", &body);
        let (status, answer) = ask(world.service.address(), &service.0).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let port = free_port();
        let bare = Bare::start(port, answer.len());
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        until_open(address).await;
        let constant = Repeated::post(key, "/", &body);
        assert_eq!(ask(address, &constant.0).await.1.len(), answer.len());
        progress(&format!("scores: a body of {} bytes, an answer of {}", body.len(), answer.len()));
        Self { service: Rc::new(service), constant: Rc::new(constant), bare, address }
    }

    pub(crate) async fn round(&self, world: &World, table: &mut Table) {
        let connections = world.options.connections;
        let found = world.load(&self.service, connections, Load::Maximum).await;
        found.only(200);
        let name = format!("scores, 59 answers, {connections} connections");
        table.note(&format!("{name}: answered"), "/s", "30,000", found.rate);
        table.note(&format!("{name}: p50"), " ms", "", found.quantile(0.5));
        table.note(&format!("{name}: p99"), " ms", "", found.quantile(0.99));
        usage_rows(table, &name, &found);
        let process = self.bare.process();
        let bare = world.load_on(self.address, process, &self.constant, connections, Load::Maximum).await;
        bare.only(200);
        let name = "bare handler, same sizes";
        table.note(&format!("{name}: answered"), "/s", "", bare.rate);
        usage_rows(table, name, &bare);
        table.note("scores, of the bare handler's", "", "0.85", found.rate / bare.rate);
        progress(&format!("scores {:.0}/s, bare {:.0}/s", found.rate, bare.rate));
    }
}

/// A port on which no program listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until_open(address: SocketAddr) {
    let start = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "no program listens on {address}");
        tokio::task::yield_now().await;
    }
}
