//! Identifiers of this service: for the form, subjects and codes. Codes of other systems are used only if confirmed.

pub(in crate::http) const QUESTIONNAIRE: &str = "urn:sarcoscreen:questionnaire";
/// Options of the form: `<item>.<option>`.
pub(super) const ANSWERS: &str = "urn:sarcoscreen:answers";
/// Codes of results: instruments, the own score total, states of a follow-up.
pub(super) const RESULTS: &str = "urn:sarcoscreen:results";
pub(super) const SUBJECT: &str = "urn:sarcoscreen:subject";
/// Ids of credentials, which belong to staff and systems.
pub(super) const CREDENTIAL: &str = "urn:sarcoscreen:credential";
pub(super) const RULE_TABLE: &str = "urn:sarcoscreen:rule-table";
pub(super) const SOFTWARE: &str = "urn:sarcoscreen:software";

/// The extension of a response that names the response that it corrects.
pub(super) const SUPERSEDES: &str = "urn:sarcoscreen:supersedes";
/// The actions of the audit log.
pub(super) const AUDIT: &str = "urn:sarcoscreen:audit-action";

/// The option of a set for "asked, none applies".
pub(super) const NONE_OF_THESE: &str = "none_of_these";
/// The item that shows the total of SARC-F.
pub(super) const SARC_F_TOTAL: &str = "sarc_f_total";
/// The tag of history imported from another system.
pub(super) const IMPORTED: &str = "imported";
/// The tag of a test submission, and of the resources made of it.
pub(super) const TEST: &str = "test";
/// The code of the own score total.
pub(super) const SCORE: &str = "score";

/// Converts a name to the form that FHIR allows in ids.
pub(super) fn id_of(name: &str) -> String {
    name.replace('_', "-")
}
