//! Identifiers of this service: for the form, subjects and codes. Codes of other systems are used only if confirmed.

use crate::domain::screening::questionnaire::Item;

pub(super) const LOINC_SYSTEM: &str = "http://loinc.org";
/// LOINC codes of body weight and height in the vital signs of FHIR R4.
pub(super) const LOINC: [(&str, Item); 2] = [("29463-7", Item::WeightKg), ("8302-2", Item::HeightCm)];
/// The LOINC code of days a week with muscle-strengthening activity, as in the physical activity guide of HL7.
pub(super) const STRENGTH_DAYS: (&str, Item) = ("82291-6", Item::StrengthTrainingDays);

/// The form, where the service has no public URL.
pub(super) const QUESTIONNAIRE: &str = "urn:sarcoscreen:questionnaire";
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
/// The value sets of options, where the service has no public URL: followed by a colon and the id.
pub(super) const VALUE_SET: &str = "urn:sarcoscreen:valueset";
/// The code of the own score total.
pub(super) const SCORE: &str = "score";

/// Converts a name to the form that FHIR allows in ids.
pub(super) fn id_of(name: &str) -> String {
    name.replace('_', "-")
}
