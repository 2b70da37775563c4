//! The settings of webhooks.

#![allow(clippy::doc_markdown, reason = "the doc comments of the settings are the text of `--help`")]

use clap::Args;
use ipnet::IpNet;

/// Allowed webhook destinations.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Webhooks")]
pub struct Webhooks {
    /// Private networks that webhooks may be sent to, such as 10.1.2.0/24, separated by commas; http is allowed there too.
    /// All other destinations must be public addresses, with https. [default: none]
    #[arg(
        long = "webhook-allow",
        env = "SARCOSCREEN_WEBHOOK_ALLOW",
        global = true,
        value_name = "NETWORKS",
        value_delimiter = ',',
        value_parser = network
    )]
    pub webhook_allow: Vec<IpNet>,
}

/// Parses a network or a single address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| single()).map_err(|_| "must be an address or a network such as 10.1.2.0/24")
}
