//! The search parameters and inclusions of each resource type, as the `CapabilityStatement` lists them.

/// A parameter and its type.
type Parameter = (&'static str, &'static str);

const QUESTIONNAIRES: &[Parameter] = &[
    ("_id", "token"),
    ("url", "uri"),
    ("version", "token"),
    ("status", "token"),
    ("name", "string"),
    ("title", "string"),
];
/// The parameters of `CodeSystem` and `ValueSet`.
const TERMINOLOGY: &[Parameter] = &[("_id", "token"), ("url", "uri")];
const RESPONSES: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
    ("authored", "date"),
    ("questionnaire", "reference"),
    ("identifier", "token"),
];
const RISKS: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
    ("date", "date"),
];
const OBSERVATIONS: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
    ("date", "date"),
    ("code", "token"),
    ("category", "token"),
    ("derived-from", "reference"),
];
const REQUESTS: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
    ("priority", "token"),
    ("authored", "date"),
];
const TASKS: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
    ("business-status", "token"),
    ("priority", "token"),
    ("owner", "reference"),
    ("authored-on", "date"),
];
const FLAGS: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
];
const PATIENTS: &[Parameter] = &[("_id", "token"), ("identifier", "token")];
const AUDIT_EVENTS: &[Parameter] = &[
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("date", "date"),
    ("action", "token"),
    ("subtype", "token"),
    ("outcome", "token"),
    ("agent", "reference"),
    ("entity", "reference"),
    ("patient", "reference"),
];

/// The inclusion of the forms that responses answer. Forms are public, so that no role and no scope restricts it.
pub(super) const FORM_OF_RESPONSE: &str = "QuestionnaireResponse:questionnaire";

/// The values of `_include` that a search of a type supports.
pub(super) fn inclusions(kind: &str) -> &'static [&'static str] {
    match kind {
        "QuestionnaireResponse" => &[FORM_OF_RESPONSE],
        _ => &[],
    }
}

/// All search parameters of a type.
pub(super) fn parameters(kind: &str) -> &'static [Parameter] {
    match kind {
        "Questionnaire" => QUESTIONNAIRES,
        "CodeSystem" | "ValueSet" => TERMINOLOGY,
        "QuestionnaireResponse" => RESPONSES,
        "RiskAssessment" => RISKS,
        "Observation" => OBSERVATIONS,
        "ServiceRequest" => REQUESTS,
        "Task" => TASKS,
        "Flag" => FLAGS,
        "Patient" => PATIENTS,
        "AuditEvent" => AUDIT_EVENTS,
        _ => &[],
    }
}
