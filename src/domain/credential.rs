//! A credential before it is minted: what its name, time and origins must be like.

use jiff::Timestamp;

use super::actor::Role;
use super::fault::{Fault, FaultCode};
use super::ids::CredentialId;

/// What a new credential is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialDraft {
    /// What it may do.
    pub role: Role,
    /// The person or system that gets it.
    pub display_name: String,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// The web sites that may send it, for a browser key. Without any it is not bound.
    pub origins: Vec<String>,
    /// The credential whose sender it continues.
    pub replaces: Option<CredentialId>,
}

/// Origins of one credential, at most.
pub const MOST_ORIGINS: usize = 20;
/// The longest origin, bytes.
pub const ORIGIN_LENGTH: usize = 300;

impl CredentialDraft {
    /// The draft, its name without space at either end.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn checked(self, now: Timestamp) -> Result<Self, Vec<Fault>> {
        let display_name = self.display_name.trim().to_owned();
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, code, detail: &str| faults.push(Fault::new(pointer, code, detail));
        let length = display_name.chars().count();
        if !(1..=200).contains(&length) || display_name.chars().any(char::is_control) {
            fault("/display_name", FaultCode::Text, "must be 1 to 200 characters, none of them a control character");
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            fault("/expires_at", FaultCode::OutOfRange, "must lie in the future");
        }
        if self.role != Role::Browser && !self.origins.is_empty() {
            fault("/origins", FaultCode::NotAllowed, "only a browser key is sent by web sites");
        }
        if self.origins.len() > MOST_ORIGINS {
            fault("/origins", FaultCode::Text, "must be at most 20");
        }
        for (index, origin) in self.origins.iter().enumerate() {
            if !is_origin(origin) {
                let detail = "must be like https://clinic.example, in lower case, without a path";
                fault(&format!("/origins/{index}"), FaultCode::Format, detail);
            } else if self.origins[..index].contains(origin) {
                fault(&format!("/origins/{index}"), FaultCode::Duplicate, "stands twice");
            }
        }
        if faults.is_empty() { Ok(Self { display_name, ..self }) } else { Err(faults) }
    }
}

/// Whether a text is an origin exactly as a browser sends it.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
    text.len() <= ORIGIN_LENGTH && host.is_some_and(|host| !host.is_empty() && host.chars().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(role: Role, name: &str, expires: i64, origins: &[&str]) -> Vec<String> {
        let draft = CredentialDraft {
            role,
            display_name: name.to_owned(),
            expires_at: Some(Timestamp::from_second(expires).unwrap()),
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            replaces: None,
        };
        let checked = draft.checked(Timestamp::from_second(100).unwrap());
        checked.err().unwrap_or_default().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn every_fault_of_a_draft_is_told_at_once() {
        assert!(faults(Role::Browser, " Kiosk ", 101, &["https://clinic.example", "http://localhost:5173"]).is_empty());
        let wrong = ["https://clinic.example/", "*", "https://a.example", "https://a.example"];
        let all = faults(Role::Browser, " \u{7} ", 100, &wrong);
        assert_eq!(all, ["/display_name", "/expires_at", "/origins/0", "/origins/1", "/origins/3"]);
        assert_eq!(faults(Role::Staff, "Ada", 101, &["https://clinic.example"]), ["/origins"]);
        assert_eq!(faults(Role::Browser, &"x".repeat(201), 101, &[]), ["/display_name"]);
    }
}
