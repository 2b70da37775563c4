//! Tokens that a clinic's record system signs itself, one for each call of a CDS Hooks service (CDS Hooks 2.0, trusting
//! CDS clients): the rules for their claims.

use jiff::Timestamp;

use super::token::{Claims, TokenFault, text, valid_until};

/// The longest token id (`jti`), bytes.
const ID_LENGTH: usize = 255;

/// The rules for the tokens of one system.
#[derive(Clone, Debug)]
pub struct ClientRules {
    /// The issuer (`iss`), exactly as in the tokens.
    pub issuer: String,
}

/// A token that is valid for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneCall {
    /// The token's id (`jti`), unique within its system.
    pub id: String,
    /// When the token expires, clock skew included.
    pub until: Timestamp,
}

impl ClientRules {
    /// Validates the claims of a token for an endpoint. The signature must already be verified. Returns the first fault
    /// found.
    pub fn read(&self, claims: &Claims, endpoint: &str, now: Timestamp) -> Result<OneCall, TokenFault> {
        let until = valid_until(claims, &self.issuer, endpoint, now.as_second())?;
        let id = text(claims, "jti").filter(|id| (1..=ID_LENGTH).contains(&id.len())).ok_or(TokenFault::NoId)?;
        Ok(OneCall { id: id.to_owned(), until })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
