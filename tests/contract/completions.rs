//! Guarantees for partial answers: completions never leave the bounds, never contradict a settled result, and change a
//! result exactly if there is an open question.

use std::collections::BTreeSet;

use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::assessment::{Assessment, FlagKind, FlagReason};
use sarcoscreen::domain::screening::instrument::Outcome;
use sarcoscreen::domain::screening::open_questions::item_set::ItemSet;
use sarcoscreen::domain::screening::open_questions::{OpenQuestion, open_questions};
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::pathway::Stage;
use sarcoscreen::domain::screening::questionnaire::{Audiences, Item, Kind};
use sarcoscreen::domain::screening::rule_table::{Band, RuleTable};
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::released_files;

use crate::people::{People, involved};

const PARTIAL_ANSWERS: usize = 10_000;
/// Below this number of completions, all of them are tried.
const ENUMERABLE: usize = 64;
const SAMPLED: usize = 24;

fn table() -> RuleTable {
    RuleTable::compile(&released_files("2026.3").unwrap()).unwrap()
}

/// Partial answers and their audiences: a few items open, or many.
fn partial(people: &mut People) -> (Answers, Audiences) {
    let answered = [99, 95, 80, 50, 20][usize::try_from(people.below(5)).unwrap()];
    let answers = people.person(answered);
    (answers, Audiences { staff: people.below(2) == 0, laboratory: people.below(3) == 0 })
}

#[test]
fn completions_of_10_000_partial_answers_stay_within_bounds_and_contradict_nothing_settled() {
    let table = table();
    let mut people = People::seeded(&table, 31);
    let (mut tried, mut enumerated) = (0, 0);
    for _ in 0..PARTIAL_ANSWERS {
        let (answers, audiences) = partial(&mut people);
        let asked = ScoreOptions { audiences, pathways: &PathwayId::ALL };
        let before = score(&table, &answers, asked);
        let completions = match every_completion(&answers, audiences) {
            Some(every) => {
                enumerated += 1;
                every
            }
            None => (0..SAMPLED).filter_map(|way| completion(&mut people, &answers, audiences, way)).collect(),
        };
        for whole in completions {
            tried += 1;
            let after = score(&table, &whole, asked);
            holds(&before, &after).unwrap_or_else(|broken| panic!("{broken}\n{}", both(&answers, &whole)));
        }
    }
    println!("{PARTIAL_ANSWERS} partial answers, {enumerated} of them enumerated, {tried} completions");
    assert!(tried > PARTIAL_ANSWERS * SAMPLED / 2 && enumerated > 100, "{tried} completions, {enumerated} enumerated");
}

#[test]
fn a_question_is_open_exactly_if_a_completion_can_change_something() {
    let table = table();
    let (open, closed) = std::thread::scope(|scope| {
        let table = &table;
        let halves = [59, 60].map(|seed| scope.spawn(move || compared(table, seed, 1_000)));
        let counted = halves.map(|half| half.join().unwrap());
        (counted[0].0 + counted[1].0, counted[0].1 + counted[1].1)
    });
    println!("{open} open, {closed} closed");
    assert!(open > 300 && closed > 100, "{open} open, {closed} closed");
}

/// Compares the open questions of partial answers with what their completions change. Returns how many have open questions,
/// and how many have none.
fn compared(table: &RuleTable, seed: u64, count: usize) -> (usize, usize) {
    let mut people = People::seeded(table, seed);
    let (mut closed, mut open) = (0, 0);
    for _ in 0..count {
        let (answers, audiences) = partial(&mut people);
        let pathways: Vec<_> = PathwayId::ALL.into_iter().filter(|_| people.below(2) == 0).collect();
        let asked = ScoreOptions { audiences, pathways: &pathways };
        let before = score(table, &answers, asked);
        let questions = open_questions(table, &answers, asked, &before);
        let mut changed = false;
        for way in 0..200 {
            let Some(whole) = completion(&mut people, &answers, audiences, way) else { continue };
            let after = state(&score(table, &whole, asked));
            changed |= after != state(&before);
            // Every change by the last answer must be listed for its item.
            for item in to_fill(&answers, audiences).iter() {
                let mut without = whole.clone();
                without.set(item, None);
                for what in changes(table, &state(&score(table, &without, asked)), &after) {
                    assert!(
                        listed(&questions, item, &what),
                        "{} changed {what} unlisted\n{}",
                        item.id(),
                        both(&answers, &whole)
                    );
                }
            }
            if changed && way > 30 {
                break;
            }
        }
        let open_items: Vec<_> = questions.iter().map(|question| question.item.id()).collect();
        assert_eq!(
            changed,
            !questions.is_empty(),
            "open: {open_items:?}\n{}",
            serde_json::to_string(&answers).unwrap()
        );
        *(if changed { &mut open } else { &mut closed }) += 1;
    }
    (open, closed)
}

#[test]
fn the_settling_items_of_an_instrument_are_sufficient_and_minimal() {
    let table = table();
    let mut people = People::seeded(&table, 97);
    let mut sets = 0;
    for _ in 0..1_500 {
        let (answers, _) = partial(&mut people);
        for instrument in &table.instruments {
            let age = answers.get(Item::Age);
            let undetermined = instrument.result(instrument.read(&answers), age).outcome == Outcome::Undetermined;
            let settling = instrument.would_settle(&answers);
            let unable = answers.get(Item::TestsUnable).is_some_and(|unable| unable != 0);
            assert!(undetermined || settling.is_empty(), "{} is settled", instrument.id);
            assert!(!undetermined || unable || !settling.is_empty(), "nothing settles {}", instrument.id);
            let mut settles = |items: ItemSet, tries: usize| {
                (0..tries).any(|way| {
                    let Some(filled) = filled(&mut people, &answers, items, way) else { return false };
                    let reading = instrument.read(&filled);
                    instrument.result(reading, filled.get(Item::Age)).outcome != Outcome::Undetermined
                })
            };
            for items in &settling {
                sets += 1;
                let names: Vec<_> = items.iter().map(Item::id).collect();
                assert!(
                    settles(*items, 600),
                    "{names:?} do not settle {}: {}",
                    instrument.id,
                    both(&answers, &answers)
                );
                let open = instrument.waits_for(&answers).with(if age.is_none() {
                    ItemSet::of(Item::Age)
                } else {
                    ItemSet::EMPTY
                });
                for smaller in open.subsets(items.len() - 1).filter(|smaller| !smaller.is_empty()) {
                    assert!(!settles(smaller, 4), "fewer items than {names:?} settle {}", instrument.id);
                }
            }
        }
    }
    println!("{sets} sets");
    assert!(sets > 1_000);
}

/// Checks an assessment against a later one with more answers.
fn holds(before: &Assessment, after: &Assessment) -> Result<(), String> {
    let check = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    check(before.score.lower <= after.score.lower && after.score.upper <= before.score.upper, "total")?;
    check(before.band_at_least <= after.band_at_least && after.band_at_most <= before.band_at_most, "band")?;
    for (earlier, later) in before.instruments.iter().zip(&after.instruments) {
        let within = earlier.lower <= later.lower && later.upper <= earlier.upper;
        check(within, &format!("bounds of {}", earlier.instrument))?;
        let kept = earlier.outcome == Outcome::Undetermined || earlier.outcome == later.outcome;
        check(kept, &format!("outcome of {}", earlier.instrument))?;
        check(earlier.total.is_none() || earlier.total == later.total, &format!("total of {}", earlier.instrument))?;
    }
    for (earlier, later) in before.pathways.iter().zip(&after.pathways) {
        let kept = |earlier: Option<bool>, later: Option<bool>| earlier.is_none() || earlier == later;
        let name = earlier.pathway.as_str();
        // If the age is missing, a criterion with age-dependent cut-offs is decided only if all its rows agree. The added age
        // may also be below the lower limit of the pathway.
        let judged = later.stage != Stage::NotApplicable;
        check(!judged || kept(earlier.case_found, later.case_found), &format!("case finding of {name}"))?;
        check(!judged || kept(earlier.strength_low, later.strength_low), &format!("strength of {name}"))?;
        check(!judged || kept(earlier.performance_low, later.performance_low), &format!("performance of {name}"))?;
        let reached = earlier.stage.flags() || earlier.stage == Stage::NotApplicable;
        check(!reached || earlier.stage == later.stage, &format!("stage of {name}"))?;
        check(earlier.stage != Stage::AtRisk || later.stage != Stage::NoneFoundYet, &format!("risk of {name}"))?;
    }
    // A missing value may turn out to be normal, so that its flag reason disappears; every other reason remains.
    let for_good = |reason: &&FlagReason| reason.kind != FlagKind::ValueMissing;
    let reasons = before.flag_reasons.iter().filter(for_good).all(|reason| after.flag_reasons.contains(reason));
    check(reasons, "a flag was removed")?;
    let only_missing = before.flagged() && !before.flagged_for_good();
    check(only_missing || before.care_level.is_none() || before.care_level <= after.care_level, "care level")
}

/// Band, flag and outcomes, as open questions refer to them.
fn state(assessment: &Assessment) -> State {
    let outcomes = assessment.instruments.iter().map(|result| result.outcome).collect();
    (assessment.band(), assessment.flagged_for_good(), outcomes)
}

type State = (Option<Band>, bool, Vec<Outcome>);

/// The differences between two states.
fn changes(table: &RuleTable, before: &State, after: &State) -> Vec<String> {
    let own = [(before.0 != after.0, "band"), (before.1 != after.1, "flagged")];
    let mut found: Vec<_> = own.into_iter().filter(|(changed, _)| *changed).map(|(_, what)| what.to_owned()).collect();
    let outcomes = table.instruments.iter().zip(before.2.iter().zip(&after.2));
    found.extend(outcomes.filter(|(_, (one, other))| one != other).map(|(instrument, _)| instrument.id.to_string()));
    found
}

fn listed(questions: &[OpenQuestion], item: Item, what: &str) -> bool {
    let question = questions.iter().find(|question| question.item == item);
    question.is_some_and(|question| match what {
        "band" => question.band,
        "flagged" => question.flagged,
        id => question.instruments.iter().any(|known| &**known == id),
    })
}

/// The items that a completion answers: the unanswered ones of the audience, and the reference limit of a given laboratory
/// value.
fn to_fill(answers: &Answers, audiences: Audiences) -> ItemSet {
    let mut items = ItemSet::unanswered(answers, audiences).without(Item::EARLIER.into_iter().collect());
    for (value, limit) in
        [(Item::CreatineKinaseUL, Item::CreatineKinaseUpperLimitUL), (Item::MyoglobinUgL, Item::MyoglobinUpperLimitUgL)]
    {
        if answers.get(value).is_some() && answers.get(limit).is_none() {
            items = items.with(ItemSet::of(limit));
        }
    }
    items
}

fn completion(people: &mut People, answers: &Answers, audiences: Audiences, way: usize) -> Option<Answers> {
    filled(people, answers, to_fill(answers, audiences), way)
}

/// The answers with these items filled in so that the service accepts them: at random, or with extreme values.
fn filled(people: &mut People, answers: &Answers, items: ItemSet, way: usize) -> Option<Answers> {
    let mut whole = answers.clone();
    for item in items.iter() {
        let value = match way {
            0 => ends(item).0,
            1 => ends(item).1,
            _ if way.is_multiple_of(3) && people.below(2) == 0 => ends(item).0,
            _ if way.is_multiple_of(3) => ends(item).1,
            _ => people.value(item),
        };
        whole.set(item, Some(value));
    }
    // Implausible combinations are generated again; the given answers stay unchanged.
    for _ in 0..60 {
        let faults = refused(&whole);
        let Some(fault) = faults.first() else { return Some(whole) };
        let involved: Vec<Item> = involved(*fault).into_iter().filter(|item| items.has(*item)).collect();
        for item in involved {
            let value = if people.below(3) == 0 { ends(item).0 } else { people.value(item) };
            whole.set(item, Some(value));
        }
    }
    None
}

fn ends(item: Item) -> (i32, i32) {
    match item.spec().kind {
        Kind::Number { minimum, maximum, .. } => (minimum, maximum),
        Kind::Flag => (0, 1),
        Kind::Choice(options) => (0, i32::try_from(options.len()).unwrap() - 1),
        Kind::Set { options, exclusive } => {
            let alone = exclusive.map_or(0, |alone| 1 << options.iter().position(|o| *o == alone).unwrap());
            (0, ((1 << options.len()) - 1) & !alone)
        }
    }
}

/// Every plausible completion, if there are few enough.
fn every_completion(answers: &Answers, audiences: Audiences) -> Option<Vec<Answers>> {
    let mut whole = vec![answers.clone()];
    for item in to_fill(answers, audiences).iter() {
        let values: Vec<i32> = match item.spec().kind {
            Kind::Number { minimum, maximum, step, .. } => {
                (minimum..=maximum).step_by(usize::try_from(step).unwrap()).collect()
            }
            Kind::Set { .. } | Kind::Flag | Kind::Choice(_) => (0..=ends(item).1).collect(),
        };
        if whole.len() * values.len() > ENUMERABLE {
            return None;
        }
        let with = |value: &i32, answers: &Answers| {
            let mut answers = answers.clone();
            answers.set(item, Some(*value));
            answers
        };
        whole = whole.iter().flat_map(|answers| values.iter().map(move |value| with(value, answers))).collect();
    }
    whole.retain(|answers| refused(answers).is_empty());
    Some(whole)
}

fn both(answers: &Answers, whole: &Answers) -> String {
    let json = |answers: &Answers| serde_json::to_string(answers).unwrap();
    let added: BTreeSet<_> = ItemSet::unanswered(answers, Audiences::ALL)
        .iter()
        .filter_map(|item| whole.get(item).map(|value| format!("{} = {value}", item.id())))
        .collect();
    format!("{}\nthen {added:?}", json(answers))
}

/// The items that the service refuses.
fn refused(answers: &Answers) -> Vec<Item> {
    let text = serde_json::to_string(answers).unwrap();
    let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
    let faults = Answers::parse(&raw).1;
    faults.iter().map(|fault| Item::from_id(fault.pointer.trim_start_matches('/')).unwrap()).collect()
}
