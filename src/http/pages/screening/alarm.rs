//! The alarm of some answers: one thing to do, whom to call, and the reasons of its level only.

use super::visit::Visit;
use crate::domain::clinics::EmergencyNumber;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::scoring::open_alarms;
use crate::http::kernel::wording::{AlarmBody, Care, RedFlagBody, Wording};

pub(super) struct AlarmCard {
    /// Its level and reasons, by which the module of the form knows an alarm that was shown.
    pub id: String,
    pub level: &'static str,
    /// What to do, in a few words.
    pub title: String,
    pub text: String,
    pub reasons: Vec<String>,
    pub calls: Vec<Call>,
    /// Whether calling is what to do. At other levels the numbers come after it, so that the heading stays the one thing to do.
    pub calls_first: bool,
    /// Whether it interrupts the form.
    pub interrupts: bool,
}

/// A number to call.
pub(super) struct Call {
    pub link: String,
    pub text: String,
}

impl AlarmCard {
    /// The alarm of refused answers; `None` if no red flag was raised.
    pub(super) fn of_refusal(visit: &Visit<'_>, alarm: AlarmBody) -> Option<Self> {
        let level = alarm.care_level?.0;
        Some(Self::new(visit, level, &alarm.red_flags, alarm.care_text.unwrap_or_default()))
    }

    /// The alarm of answers that are valid so far. The text is that of a refusal with the same answers.
    pub(super) fn of_assessment(visit: &Visit<'_>, answers: &Answers, assessment: &Assessment) -> Option<Self> {
        let wording = Wording { table: visit.table(), language: visit.language };
        let flags: Vec<_> = assessment.red_flags.iter().filter_map(|id| wording.red_flag(id)).collect();
        let level = flags.iter().map(|flag| flag.level.0).max()?;
        let open = open_alarms(visit.table(), answers, Some(level));
        let text = wording.care_text(visit.clinic(), &Care { level: Some(level), open, ..Care::default() });
        Some(Self::new(visit, level, &flags, text))
    }

    fn new(visit: &Visit<'_>, level: CareLevel, flags: &[RedFlagBody], text: String) -> Self {
        let wording = Wording { table: visit.table(), language: visit.language };
        let raised: Vec<_> = flags.iter().filter(|flag| flag.level.0 == level).collect();
        let ids: Vec<_> = raised.iter().map(|flag| &*flag.id).collect();
        Self {
            id: format!("{} {}", level.as_str(), ids.join(" ")),
            level: level.as_str(),
            title: wording.care_title(&Care { level: Some(level), ..Care::default() }).to_owned(),
            text,
            reasons: raised.iter().map(|flag| flag.reason.clone()).collect(),
            calls: calls(visit, level),
            calls_first: calls_first(level),
            interrupts: level >= CareLevel::Consultation24h,
        }
    }
}

/// Whether calling is what to do at a level.
pub(super) fn calls_first(level: CareLevel) -> bool {
    level == CareLevel::EmergencyAmbulance
}

/// The numbers to call at a level. An ambulance has one number; below the emergency level a call is part of the text only.
pub(super) fn calls(visit: &Visit<'_>, level: CareLevel) -> Vec<Call> {
    let numbers = &visit.clinic().profile.emergency_numbers;
    let count = match level {
        CareLevel::EmergencyAmbulance => 1,
        CareLevel::Emergency | CareLevel::Consultation24h => numbers.len(),
        CareLevel::Consultation | CareLevel::SelfCare => 0,
    };
    let call = |one: &EmergencyNumber| {
        let text = match &one.label {
            Some(label) => visit.texts.call_labelled.replace("{label}", label),
            None => visit.texts.call.clone(),
        };
        let digits: String = one.number.chars().filter(|c| !c.is_whitespace()).collect();
        Call { link: format!("tel:{digits}"), text: text.replace("{number}", &one.number) }
    };
    numbers.iter().take(count).map(call).collect()
}
