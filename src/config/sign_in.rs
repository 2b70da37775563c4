//! The settings of signing in: the issuer of tokens, the limits, and whose word on addresses is taken.

use clap::Args;
use clap::builder::PossibleValuesParser;
use ipnet::IpNet;

/// Whose tokens are taken beside keys, and what their claims mean. Without an issuer, none are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sign-in with tokens (OpenID Connect)")]
pub struct Oidc {
    /// The issuer of bearer tokens, exactly as they name it. It needs an audience and the address of its keys.
    #[arg(long = "oidc-issuer", env = "SARCOSCREEN_OIDC_ISSUER", global = true, value_name = "URL", value_parser = address)]
    pub issuer: Option<String>,

    /// The audience that a token must be meant for.
    #[arg(long = "oidc-audience", env = "SARCOSCREEN_OIDC_AUDIENCE", global = true, value_name = "AUDIENCE")]
    pub audience: Option<String>,

    /// Where the issuer publishes its keys; `jwks_uri` of its discovery document.
    #[arg(
        long = "oidc-jwks-url",
        env = "SARCOSCREEN_OIDC_JWKS_URL",
        global = true,
        value_name = "URL",
        value_parser = address
    )]
    pub jwks_url: Option<String>,

    /// The claim that names the role or roles: its name, or a path of names with dots between.
    #[arg(
        long = "oidc-role-claim",
        env = "SARCOSCREEN_OIDC_ROLE_CLAIM",
        global = true,
        value_name = "CLAIM",
        default_value = "role"
    )]
    pub role_claim: String,

    /// What the issuer's roles are here, such as nurse=staff,lead=admin. A browser cannot be mapped: its keys are public.
    #[arg(
        long = "oidc-role-map",
        env = "SARCOSCREEN_OIDC_ROLE_MAP",
        global = true,
        value_name = "THEIRS=OURS",
        value_delimiter = ',',
        default_value = "intake=intake,staff=staff,admin=admin",
        value_parser = mapping
    )]
    pub role_map: Vec<(String, String)>,

    /// The claim that names the clinic, by its id or its exact name: its name, or a path of names with dots between.
    #[arg(
        long = "oidc-clinic-claim",
        env = "SARCOSCREEN_OIDC_CLINIC_CLAIM",
        global = true,
        value_name = "CLAIM",
        default_value = "clinic"
    )]
    pub clinic_claim: String,

    /// The signature algorithms that are taken, separated by commas.
    #[arg(
        long = "oidc-algorithms",
        env = "SARCOSCREEN_OIDC_ALGORITHMS",
        global = true,
        value_name = "ALGORITHMS",
        value_delimiter = ',',
        default_value = "RS256,ES256,EdDSA",
        value_parser = PossibleValuesParser::new(["RS256", "PS256", "ES256", "ES384", "EdDSA"])
    )]
    pub algorithms: Vec<String>,

    /// How far the issuer's clock and this one may be apart, 0 to 300 seconds.
    #[arg(
        long = "oidc-clock-skew-seconds",
        env = "SARCOSCREEN_OIDC_CLOCK_SKEW_SECONDS",
        global = true,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(0..=300)
    )]
    pub clock_skew_seconds: u64,

    /// How long the issuer's keys are kept before they are fetched again, 10 to 86400 seconds. A key that is not among
    /// them is asked for at once, at most every 10 seconds; while the issuer is away they serve for an hour more.
    #[arg(
        long = "oidc-jwks-cache-seconds",
        env = "SARCOSCREEN_OIDC_JWKS_CACHE_SECONDS",
        global = true,
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(10..=86400)
    )]
    pub jwks_cache_seconds: u64,
}

/// How much anybody may ask, and whose word on addresses is taken.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Requests that one credential may make in a minute; 0 sets no limit.
    #[arg(
        long,
        env = "SARCOSCREEN_RATE_PER_CREDENTIAL",
        global = true,
        value_name = "REQUESTS",
        default_value_t = 12_000,
        value_parser = clap::value_parser!(u32).range(0..=10_000_000)
    )]
    pub rate_per_credential: u32,

    /// Requests that all credentials of one clinic may make in a minute; 0 sets no limit.
    #[arg(
        long,
        env = "SARCOSCREEN_RATE_PER_CLINIC",
        global = true,
        value_name = "REQUESTS",
        default_value_t = 60_000,
        value_parser = clap::value_parser!(u32).range(0..=10_000_000)
    )]
    pub rate_per_clinic: u32,

    /// Submissions that visitors at one address may make in a minute with one browser key; 0 sets no limit. An IPv6
    /// network of 64 bits counts as one address.
    #[arg(
        long,
        env = "SARCOSCREEN_RATE_SUBMISSIONS_PER_ADDRESS",
        global = true,
        value_name = "REQUESTS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(0..=10_000_000)
    )]
    pub rate_submissions_per_address: u32,

    /// Other requests, which are scores, that visitors at one address may make in a minute with one browser key; 0 sets
    /// no limit.
    #[arg(
        long,
        env = "SARCOSCREEN_RATE_SCORES_PER_ADDRESS",
        global = true,
        value_name = "REQUESTS",
        default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(0..=10_000_000)
    )]
    pub rate_scores_per_address: u32,

    /// The addresses or networks that get a multiple of the two limits of an address, separated by commas: with
    /// 203.0.113.7=4,198.51.100.0/24=10 a waiting room with many kiosks behind 203.0.113.7 may ask four times as much, and
    /// each address of 198.51.100.0/24 ten times. The narrowest network counts; factors go from 1 to 1000. [default: none]
    #[arg(
        long,
        env = "SARCOSCREEN_RATE_ADDRESS_FACTORS",
        global = true,
        value_name = "NETWORK=FACTOR",
        value_delimiter = ',',
        value_parser = raised
    )]
    pub rate_address_factors: Vec<(IpNet, u32)>,

    /// The proxies whose X-Forwarded-For is believed, as addresses or networks such as 10.0.0.0/8, separated by commas.
    /// [default: none]
    #[arg(
        long,
        env = "SARCOSCREEN_TRUSTED_PROXIES",
        global = true,
        value_name = "NETWORKS",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,
}

/// An address that is https, or of this machine.
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

/// A role of the issuer and what it is here.
fn mapping(text: &str) -> Result<(String, String), &'static str> {
    let (theirs, ours) = text.split_once('=').ok_or("must be like nurse=staff")?;
    if theirs.is_empty() || !["intake", "staff", "admin"].contains(&ours) {
        return Err("must map to intake, staff or admin");
    }
    Ok((theirs.to_owned(), ours.to_owned()))
}

/// A network whose addresses get a multiple of their limits, and by how much.
fn raised(text: &str) -> Result<(IpNet, u32), &'static str> {
    let (text, factor) = text.split_once('=').ok_or("must be like 203.0.113.7=4")?;
    let factor = factor.parse().ok().filter(|factor| (1..=1000).contains(factor));
    Ok((network(text)?, factor.ok_or("must have a factor from 1 to 1000 after the =")?))
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let one = |_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    text.parse().or_else(one).map_err(|_| "must be an address or a network such as 10.0.0.0/8")
}
