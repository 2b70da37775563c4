//! What a submission says: alarms, the total with its range, what counted, instruments, pathways, and the answers.

use std::cmp::Reverse;

use super::Tables;
use super::facts::Fact;
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::{Assessment, Score};
use crate::domain::screening::instrument::InstrumentResult;
use crate::domain::screening::pathway::PathwayResult;
use crate::domain::screening::questionnaire::{CATALOGUE, Group, Item, Kind};
use crate::domain::screening::rule_table::{Band, RedFlag};
use crate::domain::screening::scoring::open_alarms;
use crate::domain::screening::words::Words;
use crate::domain::submissions::stored::StoredSubmission;
use crate::http::kernel::wording::{Care, Wording};
use crate::http::pages::address::in_language;
use crate::http::pages::staff::desk::{Desk, Moment, named};

pub(super) struct ResultView {
    pub received: Moment,
    pub origin: &'static str,
    /// The page of the rule table.
    pub rules: String,
    pub rules_text: String,
    pub alarms: Vec<Alarm>,
    pub total: String,
    /// The bands that are possible.
    pub bands: Vec<String>,
    pub counted: Vec<Counted>,
    pub instruments: Vec<Fact>,
    pub pathways: Vec<Fact>,
    pub answers: Vec<Answered>,
}

pub(super) struct Alarm {
    pub level: String,
    pub text: String,
}

/// A rule that gave points.
pub(super) struct Counted {
    pub text: String,
    pub points: String,
}

/// The answers of a group of the form.
pub(super) struct Answered {
    pub title: String,
    pub facts: Vec<Fact>,
}

impl ResultView {
    /// `None` if the rule table of the submission cannot be used.
    pub(super) fn new(desk: &Desk, stored: &StoredSubmission, tables: &Tables<'_>) -> Option<Self> {
        let (language, assessment) = (desk.language, &stored.assessment);
        let table = *tables.get(&*assessment.rule_table)?;
        let words = Words { table, language };
        Some(Self {
            received: desk.moment(stored.received_at),
            origin: named(&desk.texts.names.origins, stored.origin.as_str()),
            rules: in_language(&format!("/rules/{}", table.version), language),
            rules_text: desk.texts.case.rules.replace("{version}", &table.version),
            alarms: alarms(words, assessment),
            total: total(desk, assessment.score),
            bands: bands(words, assessment),
            counted: counted(words, assessment),
            instruments: assessment.instruments.iter().map(|result| instrument(desk, words, result)).collect(),
            pathways: assessment.pathways.iter().map(|result| pathway(words, *result)).collect(),
            answers: answers(desk, words, &stored.answers),
        })
    }
}

/// What a submission demands, in a few words; empty if its rule table cannot be used.
pub(super) fn care(desk: &Desk, stored: &StoredSubmission, tables: &Tables<'_>) -> String {
    let (language, assessment) = (desk.language, &stored.assessment);
    let Some(&table) = tables.get(&*assessment.rule_table) else { return String::new() };
    let open = open_alarms(table, &stored.answers, assessment.care_level);
    let care = Wording { table, language }.care_title(&Care::of(assessment, open));
    if !care.is_empty() {
        return care.to_owned();
    }
    assessment.care_level.map_or("", |level| Words { table, language }.level(level)).to_owned()
}

/// The total, with the range that unanswered questions leave.
pub(super) fn total(desk: &Desk, score: Score) -> String {
    let Score { total, lower, upper } = score;
    if (lower, upper) == (total, total) {
        return total.to_string();
    }
    let text = desk.texts.case.range.replace("{total}", &total.to_string());
    text.replace("{lower}", &lower.to_string()).replace("{upper}", &upper.to_string())
}

pub(super) fn bands(words: Words<'_>, assessment: &Assessment) -> Vec<String> {
    let range = assessment.band_at_least..=assessment.band_at_most;
    let possible = Band::ALL.into_iter().filter(|band| range.contains(band));
    possible.map(|band| words.band(band).to_owned()).collect()
}

/// The red flags, the most urgent first.
fn alarms(words: Words<'_>, assessment: &Assessment) -> Vec<Alarm> {
    let mut flags: Vec<_> = assessment.red_flags.iter().filter_map(|id| words.table.red_flag(id)).collect();
    flags.sort_by_key(|flag| Reverse(flag.level));
    let alarm =
        |flag: &RedFlag| Alarm { level: words.level(flag.level).to_owned(), text: words.alarm(flag).to_owned() };
    flags.into_iter().map(alarm).collect()
}

/// The rules that gave points, the most first.
fn counted(words: Words<'_>, assessment: &Assessment) -> Vec<Counted> {
    let mut findings: Vec<_> = assessment.findings.iter().filter(|finding| finding.points > 0).collect();
    findings.sort_by_key(|finding| Reverse(finding.points));
    let rules = findings.into_iter().filter_map(|finding| Some((words.table.rule(&finding.rule)?, finding.points)));
    rules.map(|(rule, points)| Counted { text: words.rule_title(rule), points: words.points(points) }).collect()
}

fn instrument(desk: &Desk, words: Words<'_>, result: &InstrumentResult) -> Fact {
    let outcome = named(&desk.texts.names.results, result.outcome.as_str());
    let known = words.table.instrument(&result.instrument);
    let total = known.zip(result.total).map(|(known, total)| known.shown(total).to_string());
    let total = total.map(|total| if desk.language == Language::Es { total.replace('.', ",") } else { total });
    let name = known.map_or(&*result.instrument, |known| words.instrument(&known.id));
    Fact::new(name, total.map_or_else(|| outcome.to_owned(), |total| format!("{outcome} ({total})")))
}

fn pathway(words: Words<'_>, result: PathwayResult) -> Fact {
    Fact::new(words.pathway(result.pathway), words.stage(result.stage))
}

/// The answers that were given, by the groups of the form.
fn answers(desk: &Desk, words: Words<'_>, answers: &Answers) -> Vec<Answered> {
    let texts = words.table.texts(words.language);
    let of = |group: Group| {
        let items = CATALOGUE.iter().filter(|spec| spec.group == group).map(|spec| spec.item);
        let given = items.filter_map(|item| Some((item, answers.get(item)?)));
        let facts = given.map(|(item, value)| Fact::new(words.item(item), answer(desk, words, item, value))).collect();
        let title = texts.and_then(|texts| texts.groups.get(group.as_str())).cloned().unwrap_or_default();
        Answered { title, facts }
    };
    Group::ALL.into_iter().map(of).filter(|group| !group.facts.is_empty()).collect()
}

/// An answer in words.
fn answer(desk: &Desk, words: Words<'_>, item: Item, value: i32) -> String {
    match item.spec().kind {
        Kind::Flag => words.yes_or_no(value == 1).to_owned(),
        Kind::Choice(options) => {
            let option = usize::try_from(value).ok().and_then(|place| options.get(place));
            option.map_or("", |option| words.option(item, option)).to_owned()
        }
        Kind::Set { options, .. } => {
            let chosen = (0_u32..).zip(options).filter(|(bit, _)| value & (1 << bit) != 0);
            let chosen: Vec<&str> = chosen.map(|(_, option)| words.option(item, option)).collect();
            if chosen.is_empty() { desk.texts.case.none_of_these.clone() } else { chosen.join(", ") }
        }
        Kind::Number { scale, unit, .. } => {
            let number = words.decimal(i64::from(value) * 1000 / i64::from(scale));
            let unit = words.table.texts(words.language).and_then(|texts| texts.units.get(unit));
            unit.map_or_else(|| number.clone(), |unit| format!("{number} {unit}"))
        }
    }
}
