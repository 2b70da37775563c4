//! The settings of the HTTP server.

use std::net::SocketAddr;

use clap::{Args, value_parser};

use crate::domain::access::credential::is_origin;

/// The HTTP server.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub struct Http {
    /// The address and port to listen on; port 0 lets the system choose one.
    #[arg(long, env = "SARCOSCREEN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The address and port of the metrics endpoint, /metrics. Do not expose it to the internet. [default: none]
    #[arg(long, env = "SARCOSCREEN_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// The web origins whose pages may call every operation (CORS), such as https://clinic.example, separated by commas.
    /// Origins must match exactly. Pages of every origin may call the operations that need no key, or a browser key that is
    /// bound to that origin. [default: none; on the embedded PostgreSQL pages served from localhost]
    #[arg(long, env = "SARCOSCREEN_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<String>,

    /// How long a request may take to arrive completely, 1 to 300 seconds.
    #[arg(long, env = "SARCOSCREEN_READ_DEADLINE_SECONDS", value_name = "SECONDS")]
    #[arg(default_value_t = 10, value_parser = value_parser!(u64).range(1..=300))]
    pub read_deadline_seconds: u64,

    /// How long a client may take to read each part of a response, at most 32 KB, 1 to 600 seconds. The limit does not
    /// apply while the client still sends its body. A connection that exceeds it is closed.
    #[arg(long, env = "SARCOSCREEN_ANSWER_DEADLINE_SECONDS", value_name = "SECONDS")]
    #[arg(default_value_t = 30, value_parser = value_parser!(u64).range(1..=600))]
    pub answer_deadline_seconds: u64,

    /// The maximum number of open connections, 10 to 1000000; a tenth of them from one address, unless it is a trusted
    /// proxy. At the limit the connection that has been idle longest is closed for a new one; if none is idle, the new one
    /// is refused. Each connection needs a file descriptor: if the system allows fewer, its limit applies and a warning is
    /// logged.
    #[arg(id = "http_connections", long = "connections", env = "SARCOSCREEN_CONNECTIONS", value_name = "COUNT")]
    #[arg(default_value_t = 10_000, value_parser = value_parser!(u32).range(10..=1_000_000))]
    pub connections: u32,

    /// The public base URL of this service, such as https://screening.clinic.example, without a path. Links in responses
    /// and the canonical URLs of FHIR forms are built from it, and tokens of record systems must name it. Without it links are
    /// built from X-Forwarded-Host and X-Forwarded-Proto of a trusted proxy, or from Host, responses that contain links are
    /// not cached, and there is no token endpoint for SMART backend services.
    #[arg(long, env = "SARCOSCREEN_PUBLIC_URL", value_name = "URL", value_parser = public_address)]
    pub public_url: Option<String>,

    /// The memory for the bodies of all requests in progress, 32 to 65536 MiB. One key may use a quarter of it, one clinic
    /// a half; beyond that requests get 429 or 503 with Retry-After.
    #[arg(long, env = "SARCOSCREEN_BODY_ROOM_MIB", value_name = "MIB")]
    #[arg(default_value_t = 128, value_parser = value_parser!(u32).range(32..=65536))]
    pub body_room_mib: u32,

    /// How long requests in progress may take to finish at shutdown, 1 to 600 seconds.
    #[arg(long, env = "SARCOSCREEN_SHUTDOWN_SECONDS", value_name = "SECONDS")]
    #[arg(default_value_t = 10, value_parser = value_parser!(u64).range(1..=600))]
    pub shutdown_seconds: u64,

    /// How long an Idempotency-Key is remembered, 1 to 8760 hours.
    #[arg(long, env = "SARCOSCREEN_IDEMPOTENCY_HOURS", value_name = "HOURS")]
    #[arg(default_value_t = 72, value_parser = value_parser!(u64).range(1..=8760))]
    pub idempotency_hours: u64,
}

/// Checks that a text is an origin exactly as a browser sends it.
fn origin(text: &str) -> Result<String, &'static str> {
    if is_origin(text) { Ok(text.to_owned()) } else { Err("must be like https://clinic.example, in lower case") }
}

/// Checks that a text is an address to which a path can be appended.
fn public_address(text: &str) -> Result<String, &'static str> {
    let text = super::sign_in::address(text)?;
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let bare = !rest.trim_end_matches('/').contains(['/', '?', '#', '@']);
    if bare { Ok(text.trim_end_matches('/').to_owned()) } else { Err("must be an address without a path") }
}
