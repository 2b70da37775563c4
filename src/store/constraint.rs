//! What the violation of a named constraint means to a caller.

/// The meaning of a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Another clinic has the name.
    ClinicNameTaken,
    /// The submission to be corrected is not one of this clinic.
    SupersededSubmissionUnknown,
    /// There is no such clinic.
    ClinicUnknown,
    /// The person has another case that is open.
    AnotherCaseOpen,
    /// The person to be merged is not one of this clinic.
    SubjectToMergeUnknown,
    /// The text of the rule table is not kept yet; the service keeps it as soon as the database has its schema.
    RuleTableNotKept,
}

impl Meaning {
    /// The meaning of a violated constraint; `None` when its violation is a defect of ours.
    #[must_use]
    pub fn of(constraint: &str) -> Option<Self> {
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
