//! Tokens that a clinic's record system signs itself, each valid once: for a call of a CDS Hooks service (CDS Hooks 2.0, trusting
//! CDS clients), and to get an access token (SMART backend services). The rules for their claims.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::token::{Claims, TokenFault, in_time, text, valid_until};
use crate::ids::{ClinicId, CredentialId};

/// The longest token id (`jti`), bytes.
const ID_LENGTH: usize = 255;

/// The rules for the tokens of one system.
#[derive(Clone, Debug)]
pub struct ClientRules {
    /// The issuer (`iss`), exactly as in the tokens.
    pub issuer: String,
}

/// The public keys of a system that signs assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKeys {
    /// A key set (RFC 7517), with public members only.
    Document(Value),
    /// The address where the system publishes its key set.
    Address(String),
}

/// The id of a system at the token endpoint: its clinic and its credential, so that it is found by the key of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId {
    pub clinic_id: ClinicId,
    pub credential_id: CredentialId,
}

/// A token that is valid for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneCall {
    /// The token's id (`jti`), unique within its system.
    pub id: String,
    /// When the token expires, clock skew included.
    pub until: Timestamp,
}

impl ClientId {
    pub fn parse(text: &str) -> Option<Self> {
        let (clinic, credential) = text.split_once('.')?;
        let id = |text: &str| Uuid::try_parse(text).ok();
        Some(Self { clinic_id: ClinicId(id(clinic)?), credential_id: CredentialId(id(credential)?) })
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.clinic_id, self.credential_id)
    }
}

impl ClientRules {
    /// Validates the claims of a token for an endpoint. The signature must already be verified. Returns the first fault
    /// found.
    pub fn read(&self, claims: &Claims, endpoint: &str, now: Timestamp) -> Result<OneCall, TokenFault> {
        let until = valid_until(claims, &self.issuer, endpoint, now.as_second())?;
        Ok(OneCall { id: id(claims)?, until })
    }

    /// Validates the claims of a client's assertion, whose issuer and subject are the client. It may lack its time of issue. The
    /// signature must already be verified. Returns the first fault found.
    pub fn read_assertion(&self, claims: &Claims, endpoint: &str, now: Timestamp) -> Result<OneCall, TokenFault> {
        let until = in_time(claims, &self.issuer, endpoint, now.as_second())?;
        if text(claims, "sub") != Some(&*self.issuer) {
            return Err(TokenFault::Subject);
        }
        Ok(OneCall { id: id(claims)?, until })
    }
}

fn id(claims: &Claims) -> Result<String, TokenFault> {
    let id = text(claims, "jti").filter(|id| (1..=ID_LENGTH).contains(&id.len()));
    id.map(str::to_owned).ok_or(TokenFault::NoId)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const ENDPOINT: &str = "https://screening.example/cds-services/muscle-loss";

    fn read(change: impl FnOnce(&mut Claims)) -> Result<OneCall, TokenFault> {
        let rules = ClientRules { issuer: "https://ehr.example/".into() };
        let claims = json!({"iss": "https://ehr.example/", "aud": [ENDPOINT], "exp": NOW + 60, "iat": NOW, "jti": "1"});
        let Value::Object(mut claims) = claims else { panic!() };
        change(&mut claims);
        rules.read(&claims, ENDPOINT, Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_token_is_valid_only_for_the_endpoint_in_its_audience() {
        assert_eq!(read(|_| {}).unwrap().id, "1");
        assert!(read(|claims| claims["aud"] = json!(ENDPOINT)).is_ok());
        for other in ["https://screening.example/cds-services", "https://screening.example", ""] {
            assert_eq!(read(|claims| claims["aud"] = json!(other)), Err(TokenFault::Audience), "{other}");
        }
    }

    #[test]
    fn an_assertion_names_its_client_twice_and_may_lack_its_time_of_issue() {
        let client = ClientRules { issuer: "client".into() };
        let read = |claim: &str, value: Value| {
            let claims = json!({"iss": "client", "sub": "client", "aud": ENDPOINT, "exp": NOW + 60, "jti": "1"});
            let Value::Object(mut claims) = claims else { panic!() };
            claims.insert(claim.to_owned(), value);
            client.read_assertion(&claims, ENDPOINT, Timestamp::from_second(NOW).unwrap())
        };
        assert!(read("iat", json!(NOW)).is_ok());
        assert!(read("kid", json!("any")).is_ok());
        for (claim, wrong, fault) in [
            ("iss", json!("other"), TokenFault::Issuer),
            ("sub", json!("other"), TokenFault::Subject),
            ("aud", json!("https://screening.example"), TokenFault::Audience),
            ("exp", json!(NOW - 30), TokenFault::Expired),
            ("iat", json!(NOW + 31), TokenFault::IssuedAt),
            ("jti", json!(""), TokenFault::NoId),
        ] {
            assert_eq!(read(claim, wrong), Err(fault), "{claim}");
        }
    }

    #[test]
    fn every_claim_is_required_and_checked() {
        let faults = [
            ("iss", json!("https://ehr.example"), TokenFault::Issuer),
            ("exp", json!(NOW - 30), TokenFault::Expired),
            ("iat", json!(NOW + 31), TokenFault::IssuedAt),
            ("jti", json!(""), TokenFault::NoId),
            ("jti", json!("x".repeat(256)), TokenFault::NoId),
        ];
        for (claim, wrong, fault) in faults {
            assert_eq!(read(|claims| claims[claim] = wrong.clone()), Err(fault), "{claim} {wrong}");
            assert!(read(|claims| _ = claims.shift_remove(claim)).is_err(), "without {claim}");
        }
    }
}
