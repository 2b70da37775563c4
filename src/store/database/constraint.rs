//! Maps violated constraints to errors of the caller.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    ClinicNameTaken,
    /// The submission to be corrected does not exist in this clinic.
    SupersededSubmissionUnknown,
    ClinicUnknown,
    AnotherCaseOpen,
    /// The subject to be merged does not exist in this clinic.
    SubjectToMergeUnknown,
    /// The text of the rule table is not stored yet. The service stores it once the database schema is current.
    RuleTableNotKept,
}

impl Meaning {
    /// The meaning of a violated constraint. `None` when a violation is a defect of the service.
    pub fn from_constraint(constraint: &str) -> Option<Self> {
        match constraint {
            "clinics_name_unique" => Some(Self::ClinicNameTaken),
            "submissions_supersedes_fkey" => Some(Self::SupersededSubmissionUnknown),
            "subject_merges_merged_fkey" => Some(Self::SubjectToMergeUnknown),
            "credentials_clinic_fkey" => Some(Self::ClinicUnknown),
            "follow_ups_one_open" => Some(Self::AnotherCaseOpen),
            "submissions_rule_table_fkey" => Some(Self::RuleTableNotKept),
            _ => None,
        }
    }
}
