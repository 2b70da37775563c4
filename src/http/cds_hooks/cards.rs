//! The card for the clinician, with the request that it suggests.

use std::fmt::Write as _;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::request::HookCall;
use super::wording::{self, Words};
use crate::app::App;
use crate::app::ambient::new_id;
use crate::app::error::AppError;
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::questionnaire::Item;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::urgency::Urgency;
use crate::http::kernel::wording::RedFlagBody;
use crate::http::v1::screening::assessment::AssessmentBody;
use crate::http::v1::screening::render::Rendering;
use crate::http::v1::screening::view::AssessmentView;

/// Maximum number of questions on a card.
const QUESTIONS: usize = 10;

pub(super) struct CardData<'a> {
    pub(super) call: &'a HookCall,
    pub(super) answers: &'a Answers,
    pub(super) assessment: &'a Assessment,
    pub(super) rendering: &'a Rendering<'a>,
    pub(super) summary: &'a AssessmentBody<'a>,
    /// Additional red flags by the table whose form was answered, if the summary is by another table.
    pub(super) more: Vec<RedFlagBody>,
    pub(super) table: &'a RuleTable,
    pub(super) language: Language,
}

impl CardData<'_> {
    pub(super) fn card(&self, app: &App) -> Result<Value, AppError> {
        let id = || new_id::<Uuid>(&*app.ambient, app.ambient.now());
        let words = wording::words(self.language);
        let mut card = json!({
            "uuid": id()?,
            "summary": self.title(words),
            "indicator": self.indicator(),
            "detail": self.detail(words),
            "source": {"label": format!("{} {}", words.source, self.summary.rule_table)},
        });
        if self.assessment.flagged() && self.assessment.offers_consultation() {
            let url = &self.rendering.clinic.booking_url;
            card["links"] = json!([{"label": words.book, "url": url, "type": "absolute"}]);
        }
        // A person who must not wait for the clinic is not offered an appointment there.
        if let Some(urgency) = self.assessment.urgency.filter(|_| self.assessment.offers_consultation()) {
            card["selectionBehavior"] = json!("at-most-one");
            card["suggestions"] = json!([{
                "uuid": id()?,
                "label": words.request,
                "actions": [{
                    "type": "create",
                    "description": words.request,
                    "resource": self.request(words, urgency, app),
                }],
            }]);
        }
        Ok(card)
    }

    fn title(&self, words: &Words) -> &'static str {
        match self.assessment.care_level {
            Some(level) if level >= CareLevel::Emergency => words.at_once,
            Some(CareLevel::Consultation24h) => words.within_a_day,
            _ if self.assessment.urgency == Some(Urgency::ThisWeek) => words.this_week,
            _ if self.assessment.flagged() => words.flagged,
            _ if self.call.response.is_none() => words.not_answered,
            _ if self.unsettled() => words.unsettled,
            _ => words.not_flagged,
        }
    }

    /// Whether a missing answer could still change the result.
    fn unsettled(&self) -> bool {
        !self.summary.open_questions.is_empty() || self.assessment.care_level.is_none()
    }

    fn indicator(&self) -> &'static str {
        match self.assessment.care_level {
            Some(level) if level >= CareLevel::Emergency => "critical",
            Some(CareLevel::Consultation | CareLevel::Consultation24h) => "warning",
            _ if self.assessment.flagged() => "warning",
            _ => "info",
        }
    }

    /// The result in detail, as Markdown.
    fn detail(&self, words: &Words) -> String {
        let mut text = String::new();
        if let Some(response) = &self.call.response {
            if let Some(day) = response.day {
                let _ = write!(text, "{} {day}.\n\n", words.answered_on);
            }
            let _ = write!(text, "{}\n\n**{}**\n\n", words.as_shown, self.rendering.label(self.assessment));
        }
        for flag in self.summary.red_flags.iter().chain(&self.more) {
            let _ = write!(text, "{}\n\n", flag.reason);
        }
        let _ = write!(text, "{}\n\n", self.rendering.care_text(self.answers, self.assessment));
        let findings = self.rendering.findings(self.answers, self.assessment, AssessmentView::Person);
        bullets(&mut text, words.found, findings.iter().map(|finding| plain(finding.reason)));
        let instruments = self.rendering.instruments(self.answers, self.assessment, AssessmentView::Person);
        let said = instruments.iter().zip(&self.assessment.instruments);
        let said = said.filter(|_| self.call.response.is_some());
        bullets(
            &mut text,
            words.instruments,
            said.map(|(instrument, result)| format!("{}: {}", plain(instrument.name), words.outcome(result.outcome))),
        );
        let (alarms, questions) = self.questions();
        bullets(&mut text, words.to_ask, questions.into_iter());
        let stem = self.table.texts(self.language).and_then(|texts| texts.questionnaire.alarm_stem.as_deref());
        bullets(&mut text, stem.unwrap_or(words.to_ask), alarms.into_iter());
        let _ = write!(text, "{}", plain(self.rendering.explanation()));
        text
    }

    /// The questions that could change the result most: those about alarm signs, and the others.
    fn questions(&self) -> (Vec<String>, Vec<String>) {
        let items = self.table.texts(self.language).map(|texts| &texts.items);
        let mut ids: Vec<&str> = self.summary.open_questions.iter().map(|question| question.item).collect();
        for alarm in self.table.asked.alarms_unanswered(self.answers).map(Item::id) {
            if !ids.contains(&alarm) {
                ids.push(alarm);
            }
        }
        let alarm = |id: &&str| self.table.asked.alarms.iter().any(|alarm| alarm.id() == *id);
        let (alarms, others): (Vec<&str>, Vec<&str>) = ids.into_iter().take(QUESTIONS).partition(alarm);
        let labels = |ids: Vec<&str>| {
            let label = |id: &str| Some(items?.get(id)?.label.clone());
            ids.into_iter().filter_map(label).collect()
        };
        (labels(alarms), labels(others))
    }

    /// A consultation request, to be placed by the clinician who accepts it.
    fn request(&self, words: &Words, urgency: Urgency, app: &App) -> Value {
        let priority = match urgency {
            Urgency::Today => "asap",
            Urgency::ThisWeek => "urgent",
            Urgency::Routine => "routine",
        };
        json!({
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": "proposal",
            "priority": priority,
            "code": {"text": words.request},
            "subject": {"reference": format!("Patient/{}", self.call.patient_id)},
            "authoredOn": app.ambient.now(),
            "reasonCode": [{"text": words.request_reason}],
        })
    }
}

fn bullets(text: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = write!(text, "**{heading}**\n\n");
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
    text.push('\n');
}

/// The text of a fragment that is a JSON string.
fn plain(fragment: &RawValue) -> String {
    serde_json::from_str(fragment.get()).unwrap_or_default()
}
