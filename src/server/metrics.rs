//! Metrics on a separate listener. They name no person, but must not be exposed to clients of the service.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::{App as WebApp, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::ServerError;

/// How often old observations are merged, so that they do not accumulate while the metrics are not collected.
const UPKEEP: Duration = Duration::from_secs(5);
/// Upper bounds of the duration buckets, seconds.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Upper bounds of the batch size buckets.
const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0];

pub(super) struct Metrics {
    /// The address of the listener.
    pub(super) address: SocketAddr,
    server: ServerHandle,
    upkeep: JoinHandle<()>,
}

impl Metrics {
    pub(super) fn start(address: SocketAddr) -> Result<Self, ServerError> {
        let refused = |refusal| ServerError::Listen { address, setting: "SARCOSCREEN_METRICS_LISTEN", refusal };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|one| one.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES))
            .map_err(|error| ServerError::Metrics(error.to_string()))?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| ServerError::Metrics(error.to_string()))?;
        let exporter = handle.clone();
        let server = HttpServer::new(move || {
            let exporter = exporter.clone();
            WebApp::new().route(
                "/metrics",
                web::get().to(move || {
                    let body = exporter.render();
                    async move { HttpResponse::Ok().content_type(ContentType::plaintext()).body(body) }
                }),
            )
        });
        let server = server.workers(1).disable_signals().listen(listener).map_err(ServerError::Http)?.run();
        let metrics = Self { address: bound, server: server.handle(), upkeep: tokio::spawn(keep_up(handle)) };
        tokio::spawn(server);
        Ok(metrics)
    }

    pub(super) async fn stop(self) {
        self.upkeep.abort();
        self.server.stop(false).await;
    }
}

async fn keep_up(handle: PrometheusHandle) {
    let mut ticks = interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}
