//! Where webhooks may be sent.

#![allow(clippy::doc_markdown, reason = "the comments of the settings are the text of `--help`")]

use clap::Args;
use ipnet::IpNet;

/// Where webhooks may be sent beside public addresses.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Webhooks")]
pub struct Webhooks {
    /// Private networks that webhooks may be sent to, such as 10.1.2.0/24, separated by commas; there also without
    /// encryption. Otherwise only public addresses are, by https. [default: none]
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

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| single()).map_err(|_| "must be like 10.1.2.0/24 or 10.1.2.3")
}
