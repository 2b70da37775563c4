//! Statistics as pictures with their tables.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use jiff::tz::TimeZone;

use super::desk::{Desk, Nav, named};
use super::filters::Parameters;
use super::{STATISTICS, page};
use crate::app::screening::rule_tables;
use crate::app::submissions::statistics;
use crate::domain::language::Language;
use crate::domain::screening::words::Words;
use crate::domain::submissions::statistics::DayRange;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::SignedIn;
use crate::http::pages::texts::StaffTexts;
use crate::http::v1::submissions::statistics::{
    AgeClassBody, DayBody, PredictiveValueBody, StatisticsBody, StatisticsQuery,
};

/// Most findings that are listed.
const MOST: usize = 15;
/// The units of the picture of days: the width of a day, and the height of the highest bar.
const DAY: usize = 10;
const HIGH: u64 = 100;

#[derive(Template)]
#[template(path = "pages/staff_statistics.html")]
struct StatisticsPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    from: String,
    to: String,
    /// What is wrong with the days; empty if nothing is.
    fault: String,
    /// When the days begin at the clinic.
    days_utc: String,
    summary: Vec<String>,
    days: Vec<Day>,
    width: usize,
    parts: Vec<Part>,
    value: Option<Value>,
}

/// A day with its bars.
struct Day {
    date: String,
    submissions: u64,
    flagged: u64,
    x: usize,
    high: u64,
    y: u64,
    flagged_high: u64,
    flagged_y: u64,
}

/// A table with a bar in each row.
struct Part {
    id: &'static str,
    title: &'static str,
    rows: Vec<Bar>,
}

struct Bar {
    label: String,
    count: u64,
    /// Per cent of the longest bar.
    width: u64,
}

/// The positive predictive value with its interval, in per cent.
struct Value {
    text: String,
    holds_for: &'static str,
    at: String,
    lower: String,
    /// The width of the interval.
    span: String,
}

pub(super) async fn get_statistics(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let parameters = Parameters::of(&request);
    let query = parameters.read::<StatisticsQuery>()?;
    let range = match DayRange::parse(query.from, query.to, desk.now) {
        Ok(range) => range,
        Err(fault) => {
            let (from, to) = (parameters.get("from").to_owned(), parameters.get("to").to_owned());
            let shown = StatisticsPage { from, to, fault: fault.detail(desk.language), ..blank(&desk)? };
            return page(StatusCode::BAD_REQUEST, desk.language, &shown);
        }
    };
    let counts = statistics::read(&state.app, desk.actor(), range).await?;
    let words = Words { table: rule_tables::current(&state.app), language: desk.language };
    let body = StatisticsBody::new(&counts, desk.language);
    page(StatusCode::OK, desk.language, &view(&desk, words, &body)?)
}

fn view(desk: &Desk, words: Words<'_>, body: &StatisticsBody) -> Result<StatisticsPage, Problem> {
    let texts = &desk.texts.statistics;
    let counted = |text: &str, count: u64| text.replace("{n}", &count.to_string());
    let open = &body.open_follow_ups;
    Ok(StatisticsPage {
        from: body.from.to_string(),
        to: body.to.to_string(),
        summary: vec![
            counted(&texts.submissions_total, body.submissions.total),
            counted(&texts.flagged_total, body.submissions.flagged),
            counted(&texts.open_total, open.total),
            counted(&texts.overdue_total, open.overdue),
            counted(&texts.closed_total, body.closed_follow_ups.total),
        ],
        width: body.submissions.days.len() * DAY,
        days: days(&body.submissions.days),
        parts: parts(desk, words, body),
        value: body.closed_follow_ups.positive_predictive_value.map(|value| self::value(desk, value)),
        ..blank(desk)?
    })
}

/// The page without figures.
fn blank(desk: &Desk) -> Result<StatisticsPage, Problem> {
    Ok(StatisticsPage {
        layout: desk.layout(STATISTICS, &desk.texts.statistics.title)?,
        texts: desk.texts,
        nav: desk.nav(STATISTICS),
        from: String::new(),
        to: String::new(),
        fault: String::new(),
        days_utc: days_utc(desk),
        summary: Vec::new(),
        days: Vec::new(),
        width: 0,
        parts: Vec::new(),
        value: None,
    })
}

/// The figures are counted by UTC days. Their beginning is shown by the clinic's clock of this day.
fn days_utc(desk: &Desk) -> String {
    let today = DayRange::single(desk.now.to_zoned(TimeZone::UTC).date());
    let (midnight, _) = today.bounds();
    let local = midnight.to_zoned(desk.zone.clone());
    desk.texts.statistics.days_utc.replace("{time}", &format!("{:02}:{:02}", local.hour(), local.minute()))
}

fn days(days: &[DayBody]) -> Vec<Day> {
    let most = days.iter().map(|day| day.submissions).max().unwrap_or_default().max(1);
    let day = |(place, day): (usize, &DayBody)| {
        let (high, flagged_high) = (day.submissions * HIGH / most, day.flagged * HIGH / most);
        Day {
            date: day.day.to_string(),
            submissions: day.submissions,
            flagged: day.flagged,
            x: place * DAY + 1,
            high,
            y: HIGH.saturating_sub(high),
            flagged_high,
            flagged_y: HIGH.saturating_sub(flagged_high),
        }
    };
    days.iter().enumerate().map(day).collect()
}

fn parts(desk: &Desk, words: Words<'_>, body: &StatisticsBody) -> Vec<Part> {
    let (texts, names) = (&desk.texts.statistics, &desk.texts.names);
    let (open, closed, counts) = (&body.open_follow_ups, &body.closed_follow_ups, &body.submissions);
    let band = |name: &str| {
        let known = words.table.texts(words.language).and_then(|texts| texts.bands.get(name));
        known.cloned().unwrap_or_else(|| name.to_owned())
    };
    let rule = |id: &str| words.table.rule(id).map_or_else(|| id.to_owned(), |rule| words.rule_title(rule));
    let instrument = |id: &str| {
        let known = words.table.instrument(id).map(|known| words.instrument(&known.id));
        known.unwrap_or(id).to_owned()
    };
    let name = |names: &'static BTreeMap<String, String>| move |name: &str| named(names, name).to_owned();
    let states: BTreeMap<String, u64> = open.states.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let part = |id, title, rows| Part { id, title, rows };
    let all = vec![
        part("bands", &*texts.bands, bars(&counts.bands, band, false)),
        part("findings", &*texts.findings, bars(&counts.findings, rule, true)),
        part("instruments", &*texts.instruments, bars(&counts.positive_instruments, instrument, true)),
        part("states", &*texts.states, bars(&states, name(&names.states), false)),
        part("ages", &*texts.ages, ages(desk, &open.ages)),
        part("outcomes", &*texts.outcomes, bars(&closed.outcomes, name(&names.outcomes), false)),
        part("diagnoses", &*texts.diagnoses, bars(&closed.diagnoses, name(&names.diagnoses), false)),
    ];
    all.into_iter().filter(|part| !part.rows.is_empty()).collect()
}

/// A bar for each count. With `longest_first` only the longest ones.
fn bars(counts: &BTreeMap<String, u64>, label: impl Fn(&str) -> String, longest_first: bool) -> Vec<Bar> {
    let mut counts: Vec<(String, u64)> = counts.iter().map(|(name, count)| (label(name), *count)).collect();
    if longest_first {
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts.truncate(MOST);
    }
    scaled(counts)
}

/// The open cases by age, the youngest first.
fn ages(desk: &Desk, classes: &[AgeClassBody]) -> Vec<Bar> {
    let texts = &desk.texts.statistics;
    let label = |class: &AgeClassBody| match class.below_hours {
        Some(hours) => texts.below_days.replace("{n}", &(hours / 24).to_string()),
        None => texts.older.clone(),
    };
    scaled(classes.iter().map(|class| (label(class), class.follow_ups)).collect())
}

fn scaled(counts: Vec<(String, u64)>) -> Vec<Bar> {
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    counts.into_iter().map(|(label, count)| Bar { label, count, width: count * 100 / most }).collect()
}

fn value(desk: &Desk, value: PredictiveValueBody) -> Value {
    let text = &desk.texts.statistics.value_text;
    let text = text
        .replace("{value}", &per_cent(value.value, desk.language))
        .replace("{lower}", &per_cent(value.lower, desk.language))
        .replace("{upper}", &per_cent(value.upper, desk.language))
        .replace("{numerator}", &value.numerator.to_string())
        .replace("{denominator}", &value.denominator.to_string());
    // The picture has points in every language.
    let place = |share: f64| per_cent(share, Language::En);
    Value {
        text,
        holds_for: value.holds_for,
        at: place(value.value),
        lower: place(value.lower),
        span: place(value.upper - value.lower),
    }
}

/// A share as per cent with one decimal.
fn per_cent(share: f64, language: Language) -> String {
    let text = format!("{:.1}", share * 100.0);
    if language == Language::Es { text.replace('.', ",") } else { text }
}
