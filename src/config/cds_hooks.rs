//! The settings of CDS Hooks.

use clap::Args;
use uuid::Uuid;

/// Systems that may call CDS Hooks services with tokens of their own.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "CDS Hooks")]
pub struct CdsHooks {
    /// The record systems that may call CDS Hooks services with tokens they sign themselves, separated by commas: for each,
    /// the issuer exactly as its tokens state it, the https address of its keys, and the id of its clinic, separated by
    /// spaces. Requires SARCOSCREEN_PUBLIC_URL. Clients with a key of the role intake or higher need no entry here.
    /// [default: none]
    #[arg(long, env = "SARCOSCREEN_CDS_CLIENTS", value_name = "ISSUER KEYS CLINIC")]
    #[arg(value_delimiter = ',', value_parser = client)]
    pub cds_clients: Vec<CdsClient>,
}

/// A record system that may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdsClient {
    /// The `iss` claim of its tokens.
    pub issuer: String,
    /// The address of its key set (JWKS).
    pub keys_address: String,
    /// The clinic that its calls belong to.
    pub clinic_id: Uuid,
}

fn client(text: &str) -> Result<CdsClient, &'static str> {
    let mut parts = text.split_whitespace();
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(issuer), Some(keys), Some(clinic), None) => Ok(CdsClient {
            issuer: issuer.to_owned(),
            keys_address: super::sign_in::address(keys)?,
            clinic_id: clinic.parse().map_err(|_| "the third part must be a clinic id")?,
        }),
        _ => Err("must be an issuer, the address of its keys and a clinic id, separated by spaces"),
    }
}
