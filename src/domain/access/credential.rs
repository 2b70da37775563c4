//! Validation of a new credential: its name, expiry and origins.

use jiff::Timestamp;

use super::actor::Role;
use crate::fault::{Fault, FaultCode, Params, Sentence, checked_text};
use crate::ids::{ClinicId, CredentialId, SenderId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub clinic_id: ClinicId,
    pub credential_id: CredentialId,
    /// The sender that owns its records: its own id, or the id of the first credential that it replaces.
    pub sender_id: SenderId,
    pub role: Role,
    pub display_name: String,
    /// The random part of the key's prefix, which identifies the key; `None` for a person who signs in with tokens.
    pub prefix: Option<String>,
    /// The web origins that may send the key. If empty, the key is not bound to any.
    pub origins: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// Until when the key before the last rotation is valid.
    pub previous_key_until: Option<Timestamp>,
}

/// A person who can work on follow-ups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub credential_id: CredentialId,
    pub display_name: String,
    pub role: Role,
}

/// A credential to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialDraft {
    pub role: Role,
    /// The person or system that receives the key.
    pub display_name: String,
    pub expires_at: Option<Timestamp>,
    /// The web origins that may send a browser key. Without any, every origin may.
    pub origins: Vec<String>,
    pub replaces: Option<CredentialId>,
}

pub const MOST_ORIGINS: usize = 20;
/// The maximum length of an origin, bytes.
pub const ORIGIN_LENGTH: usize = 300;

impl Credential {
    /// The prefix of the key, with its mark.
    pub fn key_prefix(&self) -> Option<String> {
        Some(key_prefix(self.role, self.prefix.as_ref()?))
    }
}

/// The visible start of a key.
pub fn key_prefix(role: Role, prefix: &str) -> String {
    format!("{}{prefix}_", role.key_mark())
}

impl CredentialDraft {
    /// Validates the draft and trims its name. Returns every fault at once.
    pub fn checked(self, now: Timestamp) -> Result<Self, Vec<Fault>> {
        let (display_name, mut faults) = match checked_text(&self.display_name, 200, "") {
            Ok(name) => (name, Vec::new()),
            Err(fault) => (String::new(), vec![fault.under("/display_name")]),
        };
        let mut fault = |pointer: &str, code, sentence| faults.push(Fault::new(pointer, code, sentence));
        if self.expires_at.is_some_and(|at| at <= now) {
            fault(
                "/expires_at",
                FaultCode::OutOfRange,
                Sentence::new("must be in the future", "debe estar en el futuro"),
            );
        }
        if self.role != Role::Browser && !self.origins.is_empty() {
            fault(
                "/origins",
                FaultCode::NotAllowed,
                Sentence::new(
                    "only a browser key can have origins; omit them",
                    "solo una clave de navegador puede tener orígenes; omítalos",
                ),
            );
        }
        for (index, origin) in self.origins.iter().enumerate() {
            if !is_origin(origin) {
                let detail = Sentence::new(
                    "must be like https://clinic.example, in lower case, without a path",
                    "debe ser como https://clinic.example, en minúsculas y sin ruta",
                );
                fault(&format!("/origins/{index}"), FaultCode::Format, detail);
            } else if self.origins[..index].contains(origin) {
                fault(
                    &format!("/origins/{index}"),
                    FaultCode::Duplicate,
                    Sentence::new(
                        "the origin is repeated; send it once",
                        "el origen está repetido; envíelo una sola vez",
                    ),
                );
            }
        }
        if self.origins.len() > MOST_ORIGINS {
            let many =
                Sentence::new("at most {maximum} origins are allowed", "se admiten como máximo {maximum} orígenes");
            faults.push(Fault::new("/origins", FaultCode::OutOfRange, many).with(Params::at_most(MOST_ORIGINS)));
        }
        if faults.is_empty() { Ok(Self { display_name, ..self }) } else { Err(faults) }
    }
}

/// The schemes of web pages, and those of apps that show pages of their own.
const SCHEMES: [&str; 4] = ["https://", "http://", "capacitor://", "ionic://"];

/// Whether a text has the form of an origin as browsers send it.
pub fn is_origin(text: &str) -> bool {
    let host = SCHEMES.into_iter().find_map(|scheme| text.strip_prefix(scheme));
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
    fn every_fault_of_a_draft_is_reported_at_once() {
        assert!(faults(Role::Browser, " Kiosk ", 101, &["https://clinic.example", "http://localhost:5173"]).is_empty());
        let wrong = ["https://clinic.example/", "*", "https://a.example", "https://a.example"];
        let all = faults(Role::Browser, " \u{7} ", 100, &wrong);
        assert_eq!(all, ["/display_name", "/expires_at", "/origins/0", "/origins/1", "/origins/3"]);
        assert!(faults(Role::Browser, "App", 101, &["capacitor://localhost", "ionic://localhost"]).is_empty());
        assert_eq!(faults(Role::Staff, "Ada", 101, &["https://clinic.example"]), ["/origins"]);
        assert_eq!(faults(Role::Browser, &"x".repeat(201), 101, &[]), ["/display_name"]);
    }
}
