//! The settings of CDS Hooks.

use clap::Args;
use uuid::Uuid;

/// Which record systems may ask for advice.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "CDS Hooks")]
pub struct CdsHooks {
    /// The record systems that may call CDS Hooks services with tokens they sign themselves, separated by commas: for each,
    /// the issuer exactly as its tokens name it, the https address of its keys, and the id of the clinic it asks for, with
    /// spaces between. It needs SARCOSCREEN_PUBLIC_URL. Whoever has a key of the role intake may call without.
    /// [default: none]
    #[arg(
        long,
        env = "SARCOSCREEN_CDS_CLIENTS",
        global = true,
        value_name = "ISSUER KEYS CLINIC",
        value_delimiter = ',',
        value_parser = client
    )]
    pub cds_clients: Vec<CdsClient>,
}

/// A record system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdsClient {
    /// The issuer of its tokens.
    pub issuer: String,
    /// Where its keys are.
    pub keys_address: String,
    /// The clinic it asks for.
    pub clinic_id: Uuid,
}

fn client(text: &str) -> Result<CdsClient, &'static str> {
    let mut parts = text.split_whitespace();
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(issuer), Some(keys), Some(clinic), None) => Ok(CdsClient {
            issuer: issuer.to_owned(),
            keys_address: super::sign_in::address(keys)?,
            clinic_id: clinic.parse().map_err(|_| "the third part must be the id of a clinic")?,
        }),
        _ => Err("must be an issuer, the address of its keys and the id of a clinic, with spaces between"),
    }
}
