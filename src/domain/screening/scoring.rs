//! Scoring: a pure function of a rule table and answers.

use std::sync::Arc;

use super::answers::Answers;
use super::assessment::{Assessment, Finding, FlagKind, FlagReason, Score};
use super::condition::{Quantity, Truth, View};
use super::instrument::{InstrumentResult, Outcome};
use super::open_questions::item_set::ItemSet;
use super::pathway::PathwayResult;
use super::questionnaire::{Audiences, Item, Kind};
use super::red_flag::CareLevel;
use super::rule_table::{Advice, Band, Combination, Family, Id, RedFlag, RuleTable, StatedReason, Unit};
use crate::screening::pathway::PathwayId;
use crate::screening::urgency::Urgency;

/// The result of the red flags alone. It is available for answers that must otherwise be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The red flags raised, in the table's order.
    pub red_flags: Vec<RaisedFlag>,
    /// The highest level among them.
    pub care_level: Option<CareLevel>,
    pub open: OpenAlarms,
}

/// A red flag of a rule table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedFlag {
    pub rule_table: Id,
    pub id: Id,
}

/// What can still raise the care level above the one reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenAlarms {
    /// Whether an alarm question is unanswered.
    pub unanswered: bool,
    /// The unanswered items on which a red flag depends whose other parts are met.
    pub undecided: ItemSet,
}

/// The scope of the scoring.
#[derive(Clone, Copy, Debug)]
pub struct ScoreOptions<'a> {
    /// The audiences whose unanswered items count as asked.
    pub audiences: Audiences,
    /// The pathways to follow, as far as the table has them.
    pub pathways: &'a [PathwayId],
}

impl ScoreOptions<'_> {
    /// Only the person, without pathways.
    pub const PERSON: Self = Self { audiences: Audiences::PERSON, pathways: &[] };
}

/// Scores answers. Unanswered items of the asked audiences widen the bounds; they never count as zero.
#[must_use]
pub fn score(table: &RuleTable, answers: &Answers, asked: ScoreOptions<'_>) -> Assessment {
    let view = View { answers, audiences: asked.audiences };
    let fired = fired(table, view);
    let mut findings = Vec::new();
    let (mut lower, mut upper) = (0, 0);
    for unit in &table.units {
        let bounds = count(table, unit, view, &mut findings);
        (lower, upper) = (lower + bounds.0, upper + bounds.1);
    }
    let readings: Vec<_> = table.instruments.iter().map(|instrument| instrument.read(answers)).collect();
    let age = answers.get(Item::Age);
    let results = table.instruments.iter().zip(&readings);
    let instruments: Vec<_> = results.map(|(instrument, reading)| instrument.result(*reading, age)).collect();
    let chosen = table.pathways.iter().filter(|pathway| asked.pathways.contains(&pathway.id));
    let pathways: Vec<_> = chosen.map(|pathway| pathway.apply(view, &readings)).collect();
    let (band_at_least, band_at_most) = (table.bands.band(lower), table.bands.band(upper));
    let mut flag_reasons = flag_reasons(table, band_at_least, (&instruments, &pathways), &fired);
    let missing = values_missing(table, answers, &fired);
    flag_reasons
        .extend(missing.iter().map(|item: Item| FlagReason { kind: FlagKind::ValueMissing, id: Arc::from(item.id()) }));
    let care_level = care_level(&fired, !flag_reasons.is_empty(), open_alarms(table, answers, None).any());
    Assessment {
        rule_table: Arc::clone(&table.version),
        score: Score { total: lower, lower, upper },
        band_at_least,
        band_at_most,
        recommendations: advice(&table.recommendations, view, (&findings, &flag_reasons), care_level),
        risks: advice(&table.risks, view, (&findings, &flag_reasons), care_level),
        findings,
        instruments,
        pathways,
        care_level,
        urgency: urgency(table, &fired, band_at_least, &flag_reasons),
        red_flags: fired.iter().map(|flag| Arc::clone(&flag.id)).collect(),
        flag_reasons,
    }
}

#[must_use]
pub fn alarm(table: &RuleTable, answers: &Answers) -> Alarm {
    let fired = fired(table, View { answers, audiences: Audiences::PERSON });
    let care_level = fired.iter().map(|flag| flag.level).max();
    let red_flags = fired.iter().map(|flag| RaisedFlag::of(table, flag)).collect();
    Alarm { red_flags, care_level, open: open_alarms(table, answers, care_level) }
}

impl RaisedFlag {
    fn of(table: &RuleTable, flag: &RedFlag) -> Self {
        Self { rule_table: Arc::clone(&table.version), id: Arc::clone(&flag.id) }
    }
}

impl Alarm {
    /// Adds the red flags of an earlier table that depend on one of these items, which the current table does not ask.
    pub fn add_earlier(&mut self, table: &RuleTable, answers: &Answers, not_asked: ItemSet) {
        let fired = fired(table, View { answers, audiences: Audiences::PERSON });
        for flag in fired.into_iter().filter(|flag| !flag.items.within(not_asked).is_empty()) {
            if self.red_flags.iter().any(|known| known.id == flag.id) {
                continue;
            }
            self.care_level = self.care_level.max(Some(flag.level));
            self.red_flags.push(RaisedFlag::of(table, flag));
        }
    }
}

impl OpenAlarms {
    /// Whether any alarm is open. The result then does not state that self-care is enough or that an appointment may wait.
    #[must_use]
    pub const fn any(self) -> bool {
        self.unanswered || !self.undecided.is_empty()
    }
}

/// The alarms that can still raise the care level above this one.
#[must_use]
pub fn open_alarms(table: &RuleTable, answers: &Answers, level: Option<CareLevel>) -> OpenAlarms {
    let view = View { answers, audiences: Audiences::PERSON };
    let half_met = table.red_flags.iter().filter(|flag| Some(flag.level) > level && view.is_half_met(&flag.when));
    let undecided = half_met.fold(ItemSet::EMPTY, |items, flag| items.with(flag.when.waits_for(view)));
    OpenAlarms {
        unanswered: table.asked.alarms_unanswered(answers).next().is_some(),
        undecided: undecided.without(table.asked.not_in_their_form(answers)),
    }
}

/// The figures whose absence alone leaves a flagging red flag open although its other parts were reported. A figure that
/// another raised red flag already evaluates is left out.
fn values_missing(table: &RuleTable, answers: &Answers, fired: &[&RedFlag]) -> ItemSet {
    let view = View { answers, audiences: Audiences::PERSON };
    let numbers = |quantity: &Quantity| matches!(quantity.measured().spec().kind, Kind::Number { .. });
    let judged = fired.iter().flat_map(|flag| flag.when.observed(view)).filter(numbers);
    let judged: ItemSet = judged.map(Quantity::measured).collect();
    let open = table.red_flags.iter().filter(|flag| flag.flags && flag.items.within(judged).is_empty());
    let missing = open.filter(|flag| view.is_half_met(&flag.when)).map(|flag| flag.when.waits_for(view));
    let alone = missing.filter(|items| items.len() == 1 && table.asked.figures.covers(*items));
    alone.fold(ItemSet::EMPTY, ItemSet::with)
}

/// The red flags whose condition holds, in the table's order.
fn fired<'a>(table: &'a RuleTable, view: View<'_>) -> Vec<&'a RedFlag> {
    table.red_flags.iter().filter(|flag| flag.when.evaluate(view) == Truth::True).collect()
}

/// The bounds of one unit. Its rules that apply become findings with the points they add.
fn count(table: &RuleTable, unit: &Unit, view: View<'_>, findings: &mut Vec<Finding>) -> (i32, i32) {
    let (first_finding, mut sum, mut possible) = (findings.len(), 0, 0);
    let (mut highest, mut highest_possible) = (0, 0);
    let (mut least_open, mut decided) = (i32::MAX, false);
    for index in &unit.rules {
        let rule = &table.rules[*index];
        match rule.when.evaluate(view) {
            Truth::True => {
                (sum, highest, decided) = (sum + rule.points, highest.max(rule.points), true);
                if rule.points > 0 {
                    findings.push(Finding { rule: Arc::clone(&rule.id), points: rule.points });
                }
            }
            Truth::Unknown => {
                possible += rule.points;
                highest_possible = highest_possible.max(rule.points);
                least_open = least_open.min(rule.points);
            }
            Truth::False => {}
        }
    }
    let bounds = match unit.combination {
        None => (sum, sum + possible),
        Some(Combination::Steps(_)) if decided => (sum, sum),
        Some(Combination::Steps(_)) if least_open == i32::MAX => (0, 0),
        Some(Combination::Steps(_)) => (least_open, highest_possible),
        Some(Combination::HighestOf) => (highest, highest.max(highest_possible)),
        Some(Combination::Cap(cap)) => (sum.min(cap), (sum + possible).min(cap)),
    };
    share_out(&mut findings[first_finding..], unit.combination, bounds.0);
    bounds
}

/// Reduces the points of findings that their group does not count, so that they add up to the group's sum.
fn share_out(findings: &mut [Finding], combination: Option<Combination>, counted: i32) {
    let mut left = counted;
    let highest_only = combination == Some(Combination::HighestOf);
    for finding in findings {
        let counts = !highest_only || finding.points == counted;
        finding.points = if counts { finding.points.min(left) } else { 0 };
        left -= finding.points;
    }
}

/// All flag reasons: the certain band, instruments, pathways, red flags.
fn flag_reasons(
    table: &RuleTable,
    band_at_least: Band,
    (instruments, pathways): (&[InstrumentResult], &[PathwayResult]),
    fired: &[&RedFlag],
) -> Vec<FlagReason> {
    let mut reasons = Vec::new();
    if band_at_least == Band::High {
        reasons.push(FlagReason { kind: FlagKind::Band, id: Arc::from(Band::High.as_str()) });
    }
    for (instrument, result) in table.instruments.iter().zip(instruments) {
        if instrument.flags && result.outcome == Outcome::Positive {
            reasons.push(FlagReason { kind: FlagKind::Instrument, id: Arc::clone(&instrument.id) });
        }
    }
    for result in pathways.iter().filter(|result| result.stage.flags()) {
        reasons.push(FlagReason { kind: FlagKind::Pathway, id: Arc::from(result.pathway.as_str()) });
    }
    for flag in fired.iter().filter(|flag| flag.flags) {
        let kind = if flag.laboratory { FlagKind::Laboratory } else { FlagKind::RedFlag };
        reasons.push(FlagReason { kind, id: Arc::clone(&flag.id) });
    }
    reasons
}

/// The care level. Self-care is returned only if no alarm is open.
fn care_level(fired: &[&RedFlag], flagged: bool, alarms_open: bool) -> Option<CareLevel> {
    let raised = fired.iter().map(|flag| flag.level).max();
    let floor = flagged.then_some(CareLevel::Consultation);
    raised.max(floor).or_else(|| (!alarms_open).then_some(CareLevel::SelfCare))
}

/// How soon staff should act: the highest urgency that the table states for a reason. Reasons of two families are not
/// routine. A table that states no urgency counts reasons, see [`counted_urgency`].
fn urgency(table: &RuleTable, fired: &[&RedFlag], band_at_least: Band, reasons: &[FlagReason]) -> Option<Urgency> {
    let stated: Option<Vec<StatedReason>> = reasons.iter().map(|reason| stated(table, reason)).collect();
    let Some(stated) = stated.filter(|_| table.states_urgency()) else {
        return counted_urgency(fired, band_at_least, reasons);
    };
    let highest = stated.iter().map(|reason| reason.urgency).min_by_key(|urgency| urgency.rank())?;
    let families: Vec<Family> = stated.iter().filter_map(|reason| reason.family).collect();
    let two = families.iter().any(|family| Some(family) != families.first());
    Some(if two { highest.min(Urgency::ThisWeek) } else { highest })
}

/// What the table states about a reason.
fn stated(table: &RuleTable, reason: &FlagReason) -> Option<StatedReason> {
    match reason.kind {
        FlagKind::Band => table.high_band,
        FlagKind::Instrument => table.instrument(&reason.id)?.reason,
        FlagKind::Pathway => table.pathways.iter().find(|pathway| pathway.id.as_str() == &*reason.id)?.reason,
        FlagKind::RedFlag | FlagKind::Laboratory => table.red_flag(&reason.id)?.reason,
        FlagKind::ValueMissing => Some(StatedReason { urgency: Urgency::Routine, family: None }),
    }
}

/// The urgency in tables that state none: today for an urgent red flag; this week for a high band, a pathway's stage or
/// several reasons; otherwise routine.
fn counted_urgency(fired: &[&RedFlag], band_at_least: Band, reasons: &[FlagReason]) -> Option<Urgency> {
    if reasons.is_empty() {
        return None;
    }
    let alarming = fired.iter().any(|flag| flag.level >= CareLevel::Consultation24h);
    let pathway = reasons.iter().any(|reason| reason.kind == FlagKind::Pathway);
    Some(match (alarming, band_at_least == Band::High || pathway || reasons.len() >= 2) {
        (true, _) => Urgency::Today,
        (false, true) => Urgency::ThisWeek,
        (false, false) => Urgency::Routine,
    })
}

/// The ids of the advice that applies. Empty in an emergency, because long-term advice is out of place then.
fn advice(
    entries: &[Advice],
    view: View<'_>,
    (findings, reasons): (&[Finding], &[FlagReason]),
    care_level: Option<CareLevel>,
) -> Vec<Id> {
    if care_level >= Some(CareLevel::Emergency) {
        return Vec::new();
    }
    let found = |entry: &Advice| findings.iter().any(|finding| entry.findings.contains(&finding.rule));
    let holds =
        |entry: &Advice| entry.when.as_ref().is_some_and(|criterion| criterion.when.evaluate(view) == Truth::True);
    let flagged = |entry: &Advice| reasons.iter().any(|reason| entry.flagged_by.contains(&reason.kind));
    let chosen = entries.iter().filter(|entry| found(entry) || holds(entry) || flagged(entry));
    chosen.map(|entry| Arc::clone(&entry.id)).collect()
}
