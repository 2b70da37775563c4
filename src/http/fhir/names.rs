//! Names of our own: of the form, the persons and what is coded here. Codes of others only where they are confirmed.

/// The form.
pub(super) const QUESTIONNAIRE: &str = "urn:sarcoscreen:questionnaire";
/// Options of the form: `<item>.<option>`.
pub(super) const ANSWERS: &str = "urn:sarcoscreen:answers";
/// What is found and done: instruments, the own total, where a case stands.
pub(super) const RESULTS: &str = "urn:sarcoscreen:results";
/// Ids of persons.
pub(super) const SUBJECT: &str = "urn:sarcoscreen:subject";
/// Ids of credentials, which are staff and systems.
pub(super) const CREDENTIAL: &str = "urn:sarcoscreen:credential";
/// Versions of the rule table.
pub(super) const RULE_TABLE: &str = "urn:sarcoscreen:rule-table";
/// Versions of this service.
pub(super) const SOFTWARE: &str = "urn:sarcoscreen:software";

/// The option of a set that says: asked, and none of them.
pub(super) const NONE_OF_THESE: &str = "none_of_these";
/// The item that shows the total of SARC-F.
pub(super) const SARC_F_TOTAL: &str = "sarc_f_total";
/// The tag of history brought over from another system.
pub(super) const IMPORTED: &str = "imported";
/// The code of the own total.
pub(super) const SCORE: &str = "score";

/// What a name of ours says, in the form that FHIR allows in ids.
pub(super) fn id_of(name: &str) -> String {
    name.replace('_', "-")
}
