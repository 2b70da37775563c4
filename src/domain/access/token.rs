//! Signed tokens of an OpenID Connect issuer: validation of their claims. The signature is verified elsewhere, and first.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::actor::Role;

/// Accepted difference between the clock of an issuer and this one.
pub const CLOCK_SKEW: Duration = Duration::from_secs(30);

pub type Claims = Map<String, Value>;

/// The operator's settings for the tokens of one issuer.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// The issuer (`iss`), exactly as in its tokens.
    pub issuer: String,
    pub audience: String,
    /// The claim that holds the role: a name, or a path of names separated by dots.
    pub role_claim: String,
    /// The issuer's roles and the roles they map to.
    pub roles: Vec<(String, Role)>,
    /// The claim that holds the clinic, by its id or its exact name.
    pub clinic_claim: String,
}

/// The person that a valid token identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPerson {
    /// The issuer's id of the person (`sub`).
    pub subject: String,
    /// The person's name, at most [`NAME_LENGTH`] characters.
    pub display_name: String,
    pub role: Role,
    /// The clinic, by its id or its name.
    pub clinic: String,
    /// When the token expires, clock skew included.
    pub until: Timestamp,
}

crate::names::names! {
    /// Why the claims of a token are refused, with the names that the log uses. A claim also fails if it is
    /// missing or not readable.
    pub enum TokenFault {
        Issuer = "issuer",
        Audience = "audience",
        Subject = "subject",
        NoExpiry = "no expiry",
        Expired = "expired",
        /// The start of validity is in the future or not readable.
        NotYet = "not valid yet",
        /// The time of issue is in the future, after the expiry, missing or not readable.
        IssuedAt = "issued at",
        Role = "role",
        Clinic = "clinic",
        /// The id (`jti`) is missing or invalid, so that a replay could not be detected.
        NoId = "no id",
        Replayed = "replayed",
        /// The token was issued for another sign-in.
        Nonce = "nonce",
    }

    /// A signature algorithm (RFC 7518, RFC 8037) that may be allowed. Unsigned tokens and shared secrets are never
    /// allowed.
    pub enum TokenAlgorithm {
        Rs256 = "RS256",
        Rs384 = "RS384",
        Ps256 = "PS256",
        Es256 = "ES256",
        Es384 = "ES384",
        EdDsa = "EdDSA",
    }
}

/// The maximum length of a display name, characters.
pub const NAME_LENGTH: usize = 200;
/// The maximum length of a subject, bytes (OpenID Connect Core 1.0, section 2).
const SUBJECT_LENGTH: usize = 255;

impl TokenRules {
    /// Validates the claims of a token. The signature must already be verified. Returns the first fault found.
    pub fn read(&self, claims: &Claims, now: Timestamp) -> Result<TokenPerson, TokenFault> {
        self.person(claims, &self.audience, now)
    }

    /// Validates the claims of an ID token that the issuer gave to a client for one sign-in (OpenID Connect Core 1.0,
    /// section 3.1.3.7). The signature must already be verified. Returns the first fault found.
    pub fn read_id_token(
        &self,
        claims: &Claims,
        client_id: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<TokenPerson, TokenFault> {
        if text(claims, "nonce") != Some(nonce) {
            return Err(TokenFault::Nonce);
        }
        if claims.get("azp").is_some_and(|party| party.as_str() != Some(client_id)) {
            return Err(TokenFault::Audience);
        }
        self.person(claims, client_id, now)
    }

    fn person(&self, claims: &Claims, audience: &str, now: Timestamp) -> Result<TokenPerson, TokenFault> {
        let until = valid_until(claims, &self.issuer, audience, now.as_second())?;
        let subject = text(claims, "sub").filter(|subject| (1..=SUBJECT_LENGTH).contains(&subject.len()));
        let subject = subject.ok_or(TokenFault::Subject)?.to_owned();
        // Of several roles, the most privileged counts.
        let mapped = |name: &str| self.roles.iter().find(|(theirs, _)| theirs == name).map(|(_, role)| *role);
        let role = names(at(claims, &self.role_claim)).filter_map(mapped).max().ok_or(TokenFault::Role)?;
        let clinic = at(claims, &self.clinic_claim)
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty() && !name.contains('\0'));
        Ok(TokenPerson {
            subject,
            display_name: display_name(claims),
            role,
            clinic: clinic.ok_or(TokenFault::Clinic)?.to_owned(),
            until,
        })
    }
}

/// Checks the issuer, the audience and every time of a token, and returns when it expires, clock skew included.
pub(super) fn valid_until(claims: &Claims, issuer: &str, audience: &str, now: i64) -> Result<Timestamp, TokenFault> {
    let until = in_time(claims, issuer, audience, now)?;
    if claims.contains_key("iat") { Ok(until) } else { Err(TokenFault::IssuedAt) }
}

/// The same for a token that may lack its time of issue.
pub(super) fn in_time(claims: &Claims, issuer: &str, audience: &str, now: i64) -> Result<Timestamp, TokenFault> {
    if text(claims, "iss") != Some(issuer) {
        return Err(TokenFault::Issuer);
    }
    if !names(claims.get("aud")).any(|one| one == audience) {
        return Err(TokenFault::Audience);
    }
    let skew = CLOCK_SKEW.as_secs().cast_signed();
    let expiry = seconds(claims.get("exp")).ok_or(TokenFault::NoExpiry)?;
    let until = expiry.saturating_add(skew);
    if now >= until {
        return Err(TokenFault::Expired);
    }
    let latest = now.saturating_add(skew);
    if claims.get("nbf").is_some_and(|begin| seconds(Some(begin)).is_none_or(|begin| begin > latest)) {
        return Err(TokenFault::NotYet);
    }
    let issued = |value| seconds(Some(value)).is_none_or(|issued| issued > latest || issued > expiry);
    if claims.get("iat").is_some_and(issued) {
        return Err(TokenFault::IssuedAt);
    }
    Ok(Timestamp::from_second(until).unwrap_or(Timestamp::MAX))
}

/// The value of a claim: by its whole name, otherwise by a path of names separated by dots.
fn at<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        at(claims.get(first)?.as_object()?, rest)
    })
}

/// A text claim. A text with a NUL character counts as missing, because PostgreSQL cannot store it.
pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.contains('\0'))
}

/// The texts of a claim that is one text or a list of texts.
fn names(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    value.and_then(Value::as_str).into_iter().chain(list.iter().filter_map(Value::as_str))
}

/// A number of seconds since 1970, whole or fractional (RFC 7519, section 2).
fn seconds(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    let floor = |number: f64| (0.0..1e15).contains(&number).then(|| number.floor() as i64);
    value.as_i64().or_else(|| floor(value.as_f64()?))
}

/// The person's display name, without characters that could mislead a terminal or a page.
fn display_name(claims: &Claims) -> String {
    let printable = |name: &str| {
        let kept: String = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| fit(*c)).collect();
        kept.trim().chars().take(NAME_LENGTH).collect::<String>().trim_end().to_owned()
    };
    let given = ["name", "preferred_username"].into_iter().filter_map(|claim| text(claims, claim));
    given.map(printable).find(|name| !name.is_empty()).unwrap_or_else(|| "without a name".to_owned())
}

/// Whether the character is printable: not a control character, not invisible, and not a change of text direction.
fn fit(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> TokenRules {
        let role = |name: &str, role| (name.to_owned(), role);
        TokenRules {
            issuer: "https://issuer.example".into(),
            audience: "sarcoscreen".into(),
            role_claim: "realm_access.roles".into(),
            roles: vec![role("nurse", Role::Staff), role("lead", Role::Admin)],
            clinic_claim: "clinic".into(),
        }
    }

    const NOW: i64 = 1_800_000_000;

    fn claims(change: impl FnOnce(&mut Claims)) -> Claims {
        let claims = json!({
            "iss": "https://issuer.example", "aud": ["other", "sarcoscreen"], "sub": "u-1", "exp": NOW + 60, "iat": NOW,
            "realm_access": {"roles": ["nurse", "cook"]}, "clinic": "One", "name": " Ada\u{202e}\n Lovelace\u{7} ",
        });
        let Value::Object(mut claims) = claims else { panic!() };
        change(&mut claims);
        claims
    }

    fn read(change: impl FnOnce(&mut Claims)) -> Result<TokenPerson, TokenFault> {
        rules().read(&claims(change), Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_complete_token_identifies_a_person() {
        let person = read(|_| {}).unwrap();
        assert_eq!((person.role, &*person.clinic, &*person.subject), (Role::Staff, "One", "u-1"));
        assert_eq!(person.display_name, "Ada  Lovelace");
        assert_eq!(person.until.as_second(), NOW + 90);
    }

    #[test]
    fn every_claim_is_required_and_checked() {
        let faults = [
            ("iss", json!(["https://issuer.example"]), TokenFault::Issuer),
            ("iss", json!("https://issuer.example/"), TokenFault::Issuer),
            ("aud", json!(["other"]), TokenFault::Audience),
            ("sub", json!(""), TokenFault::Subject),
            ("sub", json!("x".repeat(256)), TokenFault::Subject),
            ("sub", json!("a\u{0}b"), TokenFault::Subject),
            ("exp", json!("never"), TokenFault::NoExpiry),
            ("exp", json!(1e300), TokenFault::NoExpiry),
            ("nbf", json!("now"), TokenFault::NotYet),
            ("iat", json!(NOW + 61), TokenFault::IssuedAt),
            ("realm_access", json!({"roles": "cook"}), TokenFault::Role),
            ("clinic", json!(""), TokenFault::Clinic),
            ("clinic", json!("a\u{0}b"), TokenFault::Clinic),
        ];
        for (claim, wrong, fault) in faults {
            assert_eq!(read(|claims| _ = claims.insert(claim.into(), wrong.clone())), Err(fault), "{claim} {wrong}");
            if claim != "nbf" {
                assert!(read(|claims| _ = claims.shift_remove(claim)).is_err(), "without {claim}");
            }
        }
    }

    #[test]
    fn an_id_token_is_for_its_client_and_its_sign_in() {
        let read = |change: &dyn Fn(&mut Claims)| {
            let claims = claims(|claims| {
                claims.extend([("aud".into(), json!("client")), ("nonce".into(), json!("n-1"))]);
                change(claims);
            });
            rules().read_id_token(&claims, "client", "n-1", Timestamp::from_second(NOW).unwrap())
        };
        assert_eq!(read(&|_| {}).unwrap().subject, "u-1");
        assert!(read(&|claims| _ = claims.insert("azp".into(), json!("client"))).is_ok());
        for (claim, wrong, fault) in [
            ("aud", json!("sarcoscreen"), TokenFault::Audience),
            ("azp", json!("other"), TokenFault::Audience),
            ("nonce", json!("n-2"), TokenFault::Nonce),
            ("nonce", json!(null), TokenFault::Nonce),
            ("exp", json!(NOW - 60), TokenFault::Expired),
        ] {
            assert_eq!(read(&|claims| _ = claims.insert(claim.into(), wrong.clone())), Err(fault), "{claim}");
        }
    }

    #[test]
    fn clocks_may_differ_by_the_skew_at_most() {
        let with = |claim: &str, at: i64| read(|claims| _ = claims.insert(claim.into(), json!(at)));
        let expiring = |at: i64| read(|claims| claims.extend([("exp".into(), json!(at)), ("iat".into(), json!(0))]));
        assert!(expiring(NOW - 29).is_ok());
        assert_eq!(expiring(NOW - 30), Err(TokenFault::Expired));
        assert!(with("nbf", NOW + 30).is_ok());
        assert_eq!(with("nbf", NOW + 31), Err(TokenFault::NotYet));
        assert!(with("iat", NOW + 30).is_ok());
        assert_eq!(with("iat", NOW + 31), Err(TokenFault::IssuedAt));
    }

    #[test]
    fn the_greater_of_two_roles_counts_and_a_claim_name_may_contain_dots() {
        assert_eq!(
            read(|claims| claims["realm_access"]["roles"] = json!(["nurse", "lead"])).unwrap().role,
            Role::Admin
        );
        let whole = |claims: &mut Claims| _ = claims.insert("realm_access.roles".into(), json!("lead"));
        assert_eq!(read(whole).unwrap().role, Role::Admin);
    }

    #[test]
    fn a_name_is_bounded_and_never_empty() {
        let named = |name: Value| read(|claims| _ = claims.insert("name".into(), name)).unwrap().display_name;
        assert_eq!(named(json!("é".repeat(300))).chars().count(), NAME_LENGTH);
        assert_eq!(named(json!("\u{0}\u{1b}")), "without a name");
        assert_eq!(named(json!(7)), "without a name");
    }
}
