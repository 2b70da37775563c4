//! The check after a step: what is wrong in it, what is urgent, and before sending what is still open.

use askama::Template;

use super::alarm::AlarmCard;
use super::faults::{CONSENT, FieldFault, in_words};
use super::filled::{CONTACT, Contacting, Filled, may_contact};
use super::outcome::warnings;
use super::sent::{Sent, asked, unit};
use super::visit::Visit;
use crate::app::submissions::intake;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::open_questions::open_questions;
use crate::domain::screening::questionnaire::{Audiences, Group, Item, Kind, Spec};
use crate::domain::screening::scoring::{ScoreOptions, score};
use crate::http::kernel::alarm;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::wording::text;
use crate::http::pages::rendered;
use crate::http::pages::texts::ScreeningTexts;

/// The step that asks for everything before sending.
const REVIEW: &str = "review";

/// Faults and alarm of a form that is not sent.
pub(super) struct Checked {
    pub faults: Vec<FieldFault>,
    pub alarm: Option<AlarmCard>,
}

#[derive(Template)]
#[template(path = "partials/screening_check.html")]
struct CheckPage<'a> {
    texts: &'static ScreeningTexts,
    faults: &'a [FieldFault],
    alarm: Option<&'a AlarmCard>,
    review: Option<Review<'a>>,
}

/// The answers in short, and the unanswered questions.
struct Review<'a> {
    /// The alarm of the answers, at any level: the last page before sending states it again.
    alarm: Option<&'a AlarmCard>,
    /// The unanswered questions that could still change the result, the most influential first.
    open: Vec<Row<'a>>,
    groups: Vec<ReviewGroup<'a>>,
    contact: Row<'a>,
    /// What could not be read of the contact data.
    warnings: Vec<&'static str>,
}

struct ReviewGroup<'a> {
    id: &'static str,
    title: &'a str,
    answered: Vec<Row<'a>>,
    unanswered: Vec<Row<'a>>,
}

struct Row<'a> {
    /// The id of the question's first field.
    field: &'static str,
    label: &'a str,
    answer: String,
}

/// Checks a form as sending it would. Nothing is stored.
pub(super) fn checked(visit: &Visit<'_>, filled: &Filled) -> Result<Checked, Problem> {
    let Filled { draft, faults } = filled;
    let found = intake::preview(&visit.state.app, &visit.actor(), visit.clinic(), draft, faults.clone());
    match found {
        Ok(assessment) => {
            let alarm = AlarmCard::of_assessment(visit, &draft.answers, &assessment);
            Ok(Checked { faults: Vec::new(), alarm })
        }
        Err(error) => refused(visit, alarm::problem(visit.state, error, visit.clinic(), visit.language)),
    }
}

/// The alarm of a form, also if the form has faults.
pub(super) fn alarm_of(visit: &Visit<'_>, sent: &Sent) -> Option<AlarmCard> {
    let filled = Filled::read(visit, sent).ok()?;
    checked(visit, &filled).ok()?.alarm
}

/// The faults and the alarm of a refusal. Another problem is returned.
pub(super) fn refused(visit: &Visit<'_>, problem: Problem) -> Result<Checked, Problem> {
    if problem.kind() != ProblemType::InvalidContent {
        return Err(problem);
    }
    let faults = in_words(visit, &problem.faults);
    // A fault that is in no question of the form would leave the person without a way on.
    if faults.is_empty() {
        return Err(problem);
    }
    Ok(Checked { faults, alarm: problem.alarm.and_then(|alarm| AlarmCard::of_refusal(visit, *alarm)) })
}

/// The page of a check. A step has its own faults only, the last one has all.
pub(super) fn page(visit: &Visit<'_>, sent: &Sent) -> Result<Vec<u8>, Problem> {
    let step = sent.text("step");
    let filled = Filled::read(visit, sent)?;
    let Checked { mut faults, alarm } = checked(visit, &filled)?;
    faults.retain(|fault| step == REVIEW || fault.step == step);
    let review = (step == REVIEW).then(|| review(visit, sent, &filled, alarm.as_ref()));
    let alarm = alarm.as_ref().filter(|alarm| alarm.interrupts);
    rendered(&CheckPage { texts: visit.texts, faults: &faults, alarm, review })
}

fn review<'a>(visit: &Visit<'a>, sent: &Sent, filled: &Filled, alarm: Option<&'a AlarmCard>) -> Review<'a> {
    let draft = &filled.draft;
    let (table, words, answers) = (visit.table(), visit.words(), &draft.answers);
    let options = ScoreOptions { audiences: Audiences::PERSON, pathways: draft.pathways(visit.clinic()) };
    let assessment: Assessment = score(table, answers, options);
    let open = open_questions(table, answers, options, &assessment).into_iter();
    let row = |item: Item| Row { field: item.id(), label: words.item(item), answer: answer(visit, item, answers) };
    let asked = asked(table);
    let is_asked = |item: Item| asked.iter().any(|spec| spec.item == item);
    let titles = table.texts(visit.language).map(|texts| &texts.groups);
    let group = |group: Group| {
        let specs = asked.iter().copied().filter(|spec| spec.group == group);
        let (answered, unanswered): (Vec<&Spec>, Vec<&Spec>) = specs.partition(|spec| answers.get(spec.item).is_some());
        let rows = |specs: Vec<&Spec>| specs.into_iter().map(|spec| row(spec.item)).collect::<Vec<_>>();
        let title = text(titles, group.as_str());
        ReviewGroup { id: group.as_str(), title, answered: rows(answered), unanswered: rows(unanswered) }
    };
    let groups = Group::ALL.into_iter().map(group);
    Review {
        alarm,
        open: open.map(|question| question.item).filter(|item| is_asked(*item)).map(&row).collect(),
        groups: groups.filter(|group| !group.answered.is_empty() || !group.unanswered.is_empty()).collect(),
        contact: contact(visit, sent),
        warnings: contact_warnings(visit, filled),
    }
}

fn contact<'a>(visit: &Visit<'a>, sent: &Sent) -> Row<'a> {
    let texts = visit.texts;
    let answer = match may_contact(sent) {
        Some(true) => {
            let given = CONTACT.into_iter().filter_map(|field| sent.given(field));
            [&*texts.yes].into_iter().chain(given).collect::<Vec<_>>().join(", ")
        }
        Some(false) => texts.no.clone(),
        None => texts.review_nothing.clone(),
    };
    Row { field: CONSENT, label: &texts.contact_question, answer }
}

/// What is wrong with the contact data, and that it can still be corrected.
fn contact_warnings(visit: &Visit<'_>, filled: &Filled) -> Vec<&'static str> {
    let texts = visit.texts;
    let mut found = warnings(texts, &filled.draft.warnings);
    if filled.contacting() == Contacting::Impossible {
        found.push(&texts.review_contact_missing);
    }
    if !found.is_empty() {
        found.push(&texts.review_correct);
    }
    found
}

/// An answer in words; empty if there is none.
fn answer(visit: &Visit<'_>, item: Item, answers: &Answers) -> String {
    let Some(value) = answers.get(item) else { return String::new() };
    let (spec, words) = (item.spec(), visit.words());
    match spec.kind {
        Kind::Flag if value == 0 => visit.texts.no.clone(),
        Kind::Flag => visit.texts.yes.clone(),
        Kind::Number { scale, .. } => {
            let number = words.decimal(i64::from(value) * 1000 / i64::from(scale));
            format!("{number} {}", unit(visit.table(), visit.language, spec))
        }
        Kind::Choice(options) => {
            let chosen = usize::try_from(value).ok().and_then(|place| options.get(place));
            chosen.map(|option| words.option(item, option).to_owned()).unwrap_or_default()
        }
        Kind::Set { options, .. } => {
            let chosen = (0_u32..).zip(options).filter(|(bit, _)| value & (1 << bit) != 0);
            chosen.map(|(_, option)| words.option(item, option)).collect::<Vec<_>>().join(", ")
        }
    }
}
