//! An entry of the worklist: a follow-up with what staff need to choose it: who the person is, and why to call.

use crate::access::actor::Origin;
use crate::follow_ups::FollowUp;
use crate::language::Language;
use crate::screening::assessment::FlagReason;
use crate::screening::red_flag::CareLevel;
use crate::subjects::{Contact, Reference};

pub struct Entry {
    pub follow_up: FollowUp,
    pub reference: Option<Reference>,
    /// `None` without consent to contact.
    pub contact: Option<Contact>,
    pub assignee_name: Option<String>,
    /// What its submissions say, the latest first.
    pub causes: Vec<Cause>,
}

/// What the worklist takes from a submission of a follow-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The version of the rule table.
    pub rule_table: String,
    pub origin: Origin,
    pub language: Language,
    pub care_level: Option<CareLevel>,
    /// Years.
    pub age: Option<i32>,
    pub reasons: Vec<FlagReason>,
}

impl Entry {
    /// The latest submission.
    pub fn latest(&self) -> Option<&Cause> {
        self.causes.first()
    }

    /// The preferred language of contact, or the language of the latest answers.
    pub fn language(&self) -> Option<Language> {
        let preferred = self.contact.as_ref().and_then(|contact| contact.language);
        preferred.or_else(|| self.latest().map(|cause| cause.language))
    }

    /// The highest care level of the submissions.
    pub fn care_level(&self) -> Option<CareLevel> {
        self.causes.iter().filter_map(|cause| cause.care_level).max()
    }

    /// Every reason of the submissions once, those of the latest first, with the version of its rule table.
    pub fn reasons(&self) -> Vec<(&str, &FlagReason)> {
        let mut reasons: Vec<(&str, &FlagReason)> = Vec::new();
        for cause in &self.causes {
            for reason in &cause.reasons {
                if !reasons.iter().any(|(_, known)| *known == reason) {
                    reasons.push((&cause.rule_table, reason));
                }
            }
        }
        reasons
    }
}
