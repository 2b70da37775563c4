//! The page with the form: every group of questions, the contact question, and what was typed.

use askama::Template;
use data_encoding::HEXLOWER;

use super::alarm::AlarmCard;
use super::faults::{CONSENT, FieldFault};
use super::sent::{ALARM_NONE, NO, Sent, unit};
use super::visit::Visit;
use crate::app::ambient::random;
use crate::domain::language::Language;
use crate::domain::screening::questionnaire::{Audience, Group, Kind, Spec};
use crate::domain::screening::texts::{ItemTexts, Texts};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::wording::text;
use crate::http::pages::assets::SCREENING_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::rendered;
use crate::http::pages::texts::{self, ScreeningTexts};

#[derive(Template)]
#[template(path = "pages/screening_form.html")]
struct FormPage<'a> {
    layout: Layout,
    texts: &'static ScreeningTexts,
    title: &'a str,
    clinic: &'a str,
    introduction: &'a str,
    privacy: Option<&'a str>,
    address: String,
    check: String,
    key: String,
    /// Whom to call instead of filling in the form.
    emergency: String,
    /// Whether the answers of an idle tab were cleared.
    was_idle: bool,
    others: Vec<OtherLanguage>,
    alarm: Option<&'a AlarmCard>,
    faults: &'a [FieldFault],
    start_progress: String,
    groups: Vec<GroupStep<'a>>,
    contact: ContactStep<'a>,
    review_progress: String,
}

struct OtherLanguage {
    code: &'static str,
    name: &'static str,
}

struct GroupStep<'a> {
    id: &'static str,
    title: &'a str,
    progress: String,
    /// The beginning that the rows share; empty if they share none.
    stem: &'a str,
    /// The label of "no to all of these", if the group has it.
    none_label: Option<&'a str>,
    none_checked: bool,
    questions: Vec<Question<'a>>,
}

struct Question<'a> {
    id: &'static str,
    label: &'a str,
    help: &'a str,
    required: bool,
    /// The items of which one must be above 0, separated by spaces.
    asked_when: String,
    /// Empty if the answer has no fault.
    fault: &'a str,
    number: Option<NumberField<'a>>,
    /// Whether the answer is yes or no.
    is_flag: bool,
    /// Whether several options may be chosen.
    multiple: bool,
    options: Vec<OptionField<'a>>,
}

struct NumberField<'a> {
    value: &'a str,
    unit: &'a str,
    mode: &'static str,
}

struct OptionField<'a> {
    id: String,
    value: &'static str,
    label: &'a str,
    checked: bool,
    is_no: bool,
}

struct ContactStep<'a> {
    progress: String,
    version: &'a str,
    text: &'a str,
    yes: bool,
    no: bool,
    name: &'a str,
    telephone: &'a str,
    email: &'a str,
    fault: &'a str,
}

/// What a form page shows besides the questions.
pub(super) struct Shown<'a> {
    pub sent: &'a Sent,
    pub faults: &'a [FieldFault],
    pub alarm: Option<&'a AlarmCard>,
    pub was_idle: bool,
}

pub(super) fn page(visit: &Visit<'_>, shown: &Shown<'_>) -> Result<Vec<u8>, Problem> {
    let (table, clinic, texts) = (visit.table(), visit.clinic(), visit.texts);
    let wording = table.texts(visit.language);
    let form = Form { visit, shown, wording };
    let title = wording.map(|texts| &*texts.questionnaire.title).unwrap_or_default();
    let key = match shown.sent.given("key") {
        Some(key) => key.to_owned(),
        None => HEXLOWER.encode(&random::<16>(&*visit.state.app.ambient)?),
    };
    let in_title = if shown.faults.is_empty() { title.to_owned() } else { format!("{} {title}", texts.fault_prefix) };
    let groups = form.groups();
    let steps = groups.len() + 3;
    let progress =
        |step: usize| texts.progress.replace("{step}", &step.to_string()).replace("{steps}", &steps.to_string());
    let page = FormPage {
        layout: Layout::new(visit.language, &visit.address(""), in_title, Some(&SCREENING_MODULE.address))?,
        texts,
        title,
        clinic: &clinic.name,
        introduction: wording.map(|texts| &*texts.questionnaire.introduction).unwrap_or_default(),
        privacy: clinic.profile.privacy_notice.get(&visit.language).map(String::as_str),
        address: visit.address(""),
        check: visit.address("/check"),
        key,
        emergency: texts.start_emergency.replace("{number}", clinic.emergency_number()),
        was_idle: shown.was_idle,
        others: others(visit)?,
        alarm: shown.alarm,
        faults: shown.faults,
        start_progress: progress(1),
        contact: form.contact(progress(steps - 1)),
        review_progress: progress(steps),
        groups: (2..).zip(groups).map(|(step, group)| GroupStep { progress: progress(step), ..group }).collect(),
    };
    rendered(&page)
}

fn others(visit: &Visit<'_>) -> Result<Vec<OtherLanguage>, Problem> {
    let others = visit.clinic().languages.iter().filter(|language| **language != visit.language);
    let named = |language: &Language| -> Result<OtherLanguage, Problem> {
        Ok(OtherLanguage { code: language.code(), name: &texts::of(*language)?.layout.name })
    };
    others.map(named).collect()
}

struct Form<'a> {
    visit: &'a Visit<'a>,
    shown: &'a Shown<'a>,
    wording: Option<&'a Texts>,
}

impl<'a> Form<'a> {
    /// The groups that have questions for the person.
    fn groups(&self) -> Vec<GroupStep<'a>> {
        let all = Group::ALL.into_iter().map(|group| self.group(group));
        all.filter(|group| !group.questions.is_empty()).collect()
    }

    fn group(&self, group: Group) -> GroupStep<'a> {
        let asked = self.visit.table().asked.of_group(group).into_iter();
        let asked = asked.filter(|spec| spec.audience() == Audience::Person);
        let of_alarms = self.wording.map(|texts| &texts.questionnaire).filter(|_| group == Group::Alarm);
        GroupStep {
            id: group.as_str(),
            title: text(self.wording.map(|texts| &texts.groups), group.as_str()),
            progress: String::new(),
            stem: of_alarms.and_then(|texts| texts.alarm_stem.as_deref()).unwrap_or_default(),
            none_label: of_alarms.and_then(|texts| texts.alarm_none.as_deref()),
            none_checked: self.shown.sent.has(ALARM_NONE, "true"),
            questions: asked.map(|spec| self.question(spec)).collect(),
        }
    }

    fn question(&self, spec: &'static Spec) -> Question<'a> {
        let words: Option<&'a ItemTexts> = self.wording.and_then(|texts| texts.items.get(spec.id));
        let asked_when = self.visit.table().asked.when_above_0(spec.item);
        let number = match spec.kind {
            Kind::Number { scale, .. } => Some(NumberField {
                value: self.shown.sent.text(spec.id),
                unit: unit(self.visit.table(), self.visit.language, spec),
                mode: if scale == 1 { "numeric" } else { "decimal" },
            }),
            Kind::Flag | Kind::Choice(_) | Kind::Set { .. } => None,
        };
        Question {
            id: spec.id,
            label: words.map(|words| &*words.label).unwrap_or_default(),
            help: words.map(|words| &*words.help).unwrap_or_default(),
            required: spec.required(),
            asked_when: asked_when.iter().map(|item| item.id()).collect::<Vec<_>>().join(" "),
            fault: self.fault(spec.id),
            number,
            is_flag: matches!(spec.kind, Kind::Flag),
            multiple: matches!(spec.kind, Kind::Set { .. }),
            options: self.options(spec),
        }
    }

    /// The options; a question that need not be answered also has "I do not know", which leaves it unanswered.
    fn options(&self, spec: &'static Spec) -> Vec<OptionField<'a>> {
        let texts = self.visit.texts;
        let labels = self.wording.and_then(|texts| texts.options.get(spec.id));
        let label = |option: &str| labels.and_then(|labels| labels.get(option)).map(String::as_str).unwrap_or_default();
        let mut options: Vec<(&'static str, &'a str)> = match spec.kind {
            Kind::Number { .. } => return Vec::new(),
            Kind::Flag => vec![("true", &*texts.yes), ("false", &*texts.no)],
            Kind::Choice(_) | Kind::Set { .. } => {
                self.visit.table().asked.options(spec.item).map(|option| (option, label(option))).collect()
            }
        };
        if !matches!(spec.kind, Kind::Set { .. }) && !spec.required() {
            options.push(("", &*texts.unknown));
        }
        let field = |(place, (value, label)): (usize, (&'static str, &'a str))| OptionField {
            // A link to the question leads to its first field.
            id: if place == 0 { spec.id.to_owned() } else { format!("{}-{place}", spec.id) },
            value,
            label,
            checked: self.shown.sent.has(spec.id, value),
            is_no: spec.group == Group::Alarm && NO.contains(&value),
        };
        options.into_iter().enumerate().map(field).collect()
    }

    fn contact(&self, progress: String) -> ContactStep<'a> {
        let sent = self.shown.sent;
        let consent = self.visit.clinic().profile.consent.as_ref();
        let text = consent.and_then(|consent| consent.texts.get(&self.visit.language));
        let fault = self.fault(CONSENT);
        // An agreement to an earlier text does not count for the current one.
        let answered = |value: &str| fault.is_empty() && sent.has(CONSENT, value);
        ContactStep {
            progress,
            version: consent.map(|consent| &*consent.version).unwrap_or_default(),
            text: text.map(String::as_str).unwrap_or_default(),
            yes: answered("yes"),
            no: answered("no"),
            name: sent.text("name"),
            telephone: sent.text("telephone"),
            email: sent.text("email"),
            fault,
        }
    }

    fn fault(&self, field: &str) -> &'a str {
        let found = self.shown.faults.iter().find(|fault| fault.field == field);
        found.map(|fault| &*fault.text).unwrap_or_default()
    }
}
