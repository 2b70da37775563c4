//! The settings of sign-in: the token issuer, the rate limits, and the trusted proxies.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, value_parser};
use ipnet::IpNet;

/// Sign-in with tokens of an issuer, in addition to keys. Without an issuer tokens are refused.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sign-in with tokens (OpenID Connect)")]
pub struct Oidc {
    /// The issuer of bearer tokens, exactly as their `iss` claim states it. Requires an audience and the address of the
    /// issuer's keys.
    #[arg(long = "oidc-issuer", env = "SARCOSCREEN_OIDC_ISSUER", value_name = "URL", value_parser = address)]
    pub issuer: Option<String>,

    /// The audience that tokens must have.
    #[arg(long = "oidc-audience", env = "SARCOSCREEN_OIDC_AUDIENCE", value_name = "AUDIENCE")]
    pub audience: Option<String>,

    /// The address of the issuer's keys: `jwks_uri` of its discovery document.
    #[arg(long = "oidc-jwks-url", env = "SARCOSCREEN_OIDC_JWKS_URL", value_name = "URL", value_parser = address)]
    pub jwks_url: Option<String>,

    /// The claim that contains the role or roles: its name, or a path of names separated by dots.
    #[arg(long = "oidc-role-claim", env = "SARCOSCREEN_OIDC_ROLE_CLAIM", value_name = "CLAIM", default_value = "role")]
    pub role_claim: String,

    /// The mapping of the issuer's roles, such as nurse=staff,lead=admin. The browser role cannot be mapped, because its
    /// keys are public.
    #[arg(long = "oidc-role-map", env = "SARCOSCREEN_OIDC_ROLE_MAP", value_name = "THEIRS=OURS")]
    #[arg(value_delimiter = ',', default_value = "intake=intake,staff=staff,admin=admin", value_parser = mapping)]
    pub role_map: Vec<(String, String)>,

    /// The claim that contains the clinic's id or exact name: its name, or a path of names separated by dots.
    #[arg(long = "oidc-clinic-claim", env = "SARCOSCREEN_OIDC_CLINIC_CLAIM", value_name = "CLAIM")]
    #[arg(default_value = "clinic")]
    pub clinic_claim: String,

    /// The accepted signature algorithms, separated by commas.
    #[arg(long = "oidc-algorithms", env = "SARCOSCREEN_OIDC_ALGORITHMS", value_name = "ALGORITHMS")]
    #[arg(value_delimiter = ',', default_value = "RS256,ES256,EdDSA")]
    #[arg(value_parser = ["RS256", "PS256", "ES256", "ES384", "EdDSA"])]
    pub algorithms: Vec<String>,

    /// How long the issuer's keys are cached, 10 to 86400 seconds. An unknown key id triggers a fetch at once, at most
    /// every 10 seconds. While the issuer is unavailable, cached keys stay in use for one more hour.
    #[arg(long = "oidc-jwks-cache-seconds", env = "SARCOSCREEN_OIDC_JWKS_CACHE_SECONDS", value_name = "SECONDS")]
    #[arg(default_value_t = 300, value_parser = value_parser!(u64).range(10..=86400))]
    pub jwks_cache_seconds: u64,

    /// The id under which this service is registered as a client at the issuer. Staff can then sign in to the web pages there.
    /// The issuer must send browsers back to SARCOSCREEN_PUBLIC_URL followed by /staff/sign-in/oidc/callback. Requires an
    /// issuer and SARCOSCREEN_PUBLIC_URL. [default: none; staff sign in to the web pages with keys]
    #[arg(long = "oidc-client-id", env = "SARCOSCREEN_OIDC_CLIENT_ID", value_name = "ID")]
    pub client_id: Option<String>,

    /// A file with the secret of that client. [default: none; the client is public]
    #[arg(long = "oidc-client-secret-file", env = "SARCOSCREEN_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
}

/// Rate limits and trusted proxies.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Requests per minute for one credential; 0 means no limit.
    #[arg(long, env = "SARCOSCREEN_RATE_PER_CREDENTIAL", value_name = "REQUESTS")]
    #[arg(default_value_t = 12_000, value_parser = value_parser!(u32).range(0..=10_000_000))]
    pub rate_per_credential: u32,

    /// Requests per minute for all credentials of one clinic together; 0 means no limit.
    #[arg(long, env = "SARCOSCREEN_RATE_PER_CLINIC", value_name = "REQUESTS")]
    #[arg(default_value_t = 60_000, value_parser = value_parser!(u32).range(0..=10_000_000))]
    pub rate_per_clinic: u32,

    /// Submissions per minute from one address with one browser key; 0 means no limit. An IPv6 /64 network counts as one
    /// address.
    #[arg(long, env = "SARCOSCREEN_RATE_SUBMISSIONS_PER_ADDRESS", value_name = "REQUESTS")]
    #[arg(default_value_t = 30, value_parser = value_parser!(u32).range(0..=10_000_000))]
    pub rate_submissions_per_address: u32,

    /// Other requests per minute, that is scores, from one address with one browser key; 0 means no limit.
    #[arg(long, env = "SARCOSCREEN_RATE_SCORES_PER_ADDRESS", value_name = "REQUESTS")]
    #[arg(default_value_t = 600, value_parser = value_parser!(u32).range(0..=10_000_000))]
    pub rate_scores_per_address: u32,

    /// Addresses or networks with a multiple of the two limits per address, separated by commas: with
    /// 203.0.113.7=4,198.51.100.0/24=10 a waiting room with many kiosks behind 203.0.113.7 may send four times as many
    /// requests, and each address of 198.51.100.0/24 ten times. The narrowest network applies; factors are 1 to 1000.
    /// [default: none]
    #[arg(long, env = "SARCOSCREEN_RATE_ADDRESS_FACTORS", value_name = "NETWORK=FACTOR")]
    #[arg(value_delimiter = ',', value_parser = raised)]
    pub rate_address_factors: Vec<(IpNet, u32)>,

    /// The proxies whose X-Forwarded-For is trusted, as addresses or networks such as 10.0.0.0/8, separated by commas.
    /// [default: none]
    #[arg(long, env = "SARCOSCREEN_TRUSTED_PROXIES", value_name = "NETWORKS")]
    #[arg(value_delimiter = ',', value_parser = |text: &str| network(text, "10.0.0.0/8"))]
    pub trusted_proxies: Vec<IpNet>,
}

/// Checks that an address is https, or http to this machine.
pub(super) fn address(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").filter(|host| !host.is_empty());
    let local = text.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let named = |name: &str| host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':'));
        ["127.0.0.1", "[::1]", "localhost"].into_iter().any(named)
    });
    let graphic = text.chars().all(|c| c.is_ascii_graphic());
    if graphic && (rest.is_some() || local) { Ok(text.to_owned()) } else { Err("must be an https address") }
}

/// Parses a mapping of an issuer's role to a role of this service.
fn mapping(text: &str) -> Result<(String, String), &'static str> {
    let (theirs, ours) = text.split_once('=').ok_or("must be like nurse=staff")?;
    if theirs.is_empty() || !["intake", "staff", "admin"].contains(&ours) {
        return Err("must map to intake, staff or admin");
    }
    Ok((theirs.to_owned(), ours.to_owned()))
}

/// Parses a network and the factor of its limits.
fn raised(text: &str) -> Result<(IpNet, u32), String> {
    let (text, factor) = text.split_once('=').ok_or("must be like 203.0.113.7=4")?;
    let factor = factor.parse().ok().filter(|factor| (1..=1000).contains(factor));
    Ok((network(text, "10.0.0.0/8")?, factor.ok_or("must have a factor from 1 to 1000 after the =")?))
}

/// Parses a network or a single address.
pub(super) fn network(text: &str, example: &str) -> Result<IpNet, String> {
    let single = |_| text.parse().map(|address: IpAddr| address.into());
    text.parse().or_else(single).map_err(|_| format!("must be an address or a network such as {example}"))
}
