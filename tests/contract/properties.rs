//! Properties of scoring that hold for any answers.

use proptest::prelude::*;
use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::instrument::Outcome;
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::questionnaire::{Audience, Audiences, CATALOGUE, Item, Kind};
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::released_files;

const ALL: ScoreOptions<'static> = ScoreOptions { audiences: Audiences::ALL, pathways: &PathwayId::ALL };

fn table() -> RuleTable {
    RuleTable::compile(&released_files("2026.3").unwrap()).unwrap()
}

/// Any possible value of an item.
fn any_value(kind: Kind) -> BoxedStrategy<i32> {
    match kind {
        Kind::Flag => (0..=1).boxed(),
        Kind::Choice(options) => (0..i32::try_from(options.len()).unwrap()).boxed(),
        Kind::Set { options, exclusive: None } => (0..1 << options.len()).boxed(),
        Kind::Set { options, exclusive: Some(alone) } => {
            let alone = 1 << options.iter().position(|option| *option == alone).unwrap();
            (0..1 << options.len()).prop_map(move |mask: i32| if mask & alone == 0 { mask } else { alone }).boxed()
        }
        Kind::Number { minimum, maximum, step, .. } => {
            let anywhere = (minimum / step..=maximum / step).prop_map(move |count| count * step);
            // Half of the numbers are near the low end, where the cut-offs are.
            let near =
                (minimum / step..=(minimum / step + 100).min(maximum / step)).prop_map(move |count| count * step);
            prop_oneof![anywhere, near].boxed()
        }
    }
}

fn complete() -> impl Strategy<Value = Answers> {
    let asked = || table_once().asked.items.iter().map(Item::spec);
    let values: Vec<_> = asked().map(|spec| any_value(spec.kind)).collect();
    values.prop_map(move |values| {
        let mut answers = Answers::default();
        for (spec, value) in asked().zip(values) {
            answers.set(spec.item, Some(value));
        }
        answers
    })
}

/// Complete answers, and the same with some left out.
fn complete_and_partial() -> impl Strategy<Value = (Answers, Answers)> {
    (complete(), proptest::collection::vec(any::<bool>(), Item::COUNT)).prop_map(|(whole, kept)| {
        let mut partial = whole.clone();
        for (spec, kept) in CATALOGUE.iter().zip(kept) {
            if !kept {
                partial.set(spec.item, None);
            }
        }
        (whole, partial)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn completing_answers_never_leaves_the_bounds_nor_contradicts_what_was_settled(
        (whole, partial) in complete_and_partial()
    ) {
        let table = table_once();
        let before = score(table, &partial, ALL);
        let after = score(table, &whole, ALL);
        prop_assert!(before.score.lower <= after.score.total && after.score.total <= before.score.upper);
        prop_assert_eq!(after.score.lower, after.score.upper);
        prop_assert!(before.band_at_least <= after.band_at_least && after.band_at_most <= before.band_at_most);
        if let Some(band) = before.band() {
            prop_assert_eq!(Some(band), after.band());
        }
        for (earlier, later) in before.instruments.iter().zip(&after.instruments) {
            prop_assert!(earlier.lower <= later.lower && later.upper <= earlier.upper);
            if earlier.outcome != Outcome::Undetermined {
                prop_assert_eq!(earlier.outcome, later.outcome);
            }
        }
        // A missing value may turn out to be normal, so that its flag reason disappears; every other reason remains.
        prop_assert!(!before.flagged_for_good() || after.flagged_for_good(), "more answers never remove a flag");
        let only_missing = before.flagged() && !before.flagged_for_good();
        prop_assert!(only_missing || before.care_level.is_none() || before.care_level <= after.care_level);
    }

    #[test]
    fn an_unanswered_item_is_not_scored_as_its_harmless_answer(whole in complete(), which in 0..Item::COUNT) {
        let table = table_once();
        let asked: Vec<Item> = table.asked.items.iter().collect();
        let item = asked[which % asked.len()];
        let mut without = whole.clone();
        without.set(item, None);
        let open = score(table, &without, ALL);
        let values = any_value_of(item);
        // The bounds include the effect of each rule that reads the item. If any answer can change the total, the lower and
        // upper bounds differ.
        let totals: Vec<i32> = values.iter().map(|value| {
            let mut with = without.clone();
            with.set(item, Some(*value));
            score(table, &with, ALL).score.total
        }).collect();
        let (least, greatest) = (*totals.iter().min().unwrap(), *totals.iter().max().unwrap());
        prop_assert!(open.score.lower <= least && greatest <= open.score.upper, "{}", item.id());
        if least < greatest {
            prop_assert!(open.score.lower < open.score.upper, "{}", item.id());
        }
    }

    #[test]
    fn adding_a_risk_never_lowers_the_score(whole in complete(), risk in 0..RISKS.len()) {
        let table = table_once();
        let (item, value) = RISKS[risk];
        let mut worse = whole.clone();
        let value = match item.spec().kind {
            Kind::Set { exclusive, options } => {
                let alone = exclusive.map_or(0, |alone| 1 << options.iter().position(|o| *o == alone).unwrap());
                (whole.get(item).unwrap() | value) & !alone
            }
            _ => value,
        };
        worse.set(item, Some(value));
        prop_assert!(score(table, &worse, ALL).score.total >= score(table, &whole, ALL).score.total);
    }

    #[test]
    fn answers_written_and_read_back_are_the_same(whole in complete()) {
        let text = serde_json::to_string(&whole).unwrap();
        let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
        let (again, faults) = Answers::parse(&raw);
        let implausible_only = faults.iter().all(|fault| fault.code.as_str() == "implausible");
        prop_assert!(implausible_only, "{:?}", faults);
        prop_assert_eq!(whole, again);
    }
}

/// For each item, the answer with the most points in the own total.
const RISKS: [(Item, i32); 24] = [
    (Item::Age, 95),
    (Item::CarryingDifficulty, 2),
    (Item::WalkingDifficulty, 2),
    (Item::ChairRiseDifficulty, 2),
    (Item::StairDifficulty, 2),
    (Item::FallsPastYear, 9),
    (Item::MuscleShrinkage, 1),
    (Item::Weakness, 1),
    (Item::BalanceTrouble, 1),
    (Item::Fatigue, 2),
    (Item::Activity, 0),
    (Item::Smoker, 1),
    (Item::SleepHours, 20),
    (Item::WeightLossPastYearKg, 990),
    (Item::WeightLossUnintended, 1),
    (Item::ProteinDaily, 0),
    (Item::ThreeMealsUsually, 0),
    (Item::VitaminDNmolL, 3),
    (Item::BedRestDaysPastYear, 50),
    (Item::HospitalStaysPastYear, 7),
    (Item::Conditions, 0b0111_1101_1111_1111),
    (Item::Medications, 0b11_1011_1100),
    (Item::RegularMedicationCount, 12),
    (Item::FractureFromFall, 1),
];

fn table_once() -> &'static RuleTable {
    static TABLE: std::sync::OnceLock<RuleTable> = std::sync::OnceLock::new();
    TABLE.get_or_init(table)
}

/// Every value of an item with few values, or about two hundred evenly spaced values; for a set: none, each option, and all.
fn any_value_of(item: Item) -> Vec<i32> {
    assert!(matches!(item.spec().audience(), Audience::Person | Audience::Staff | Audience::Laboratory));
    match item.spec().kind {
        Kind::Flag => vec![0, 1],
        Kind::Choice(options) => (0..i32::try_from(options.len()).unwrap()).collect(),
        Kind::Set { options, exclusive } => {
            let alone = exclusive.map_or(0, |alone| 1 << options.iter().position(|o| *o == alone).unwrap());
            let every = (1 << options.len()) - 1;
            (0..options.len()).map(|bit| 1 << bit).chain([0, every & !alone]).collect()
        }
        Kind::Number { minimum, maximum, step, .. } => {
            let stride = ((maximum - minimum) / step / 200).max(1) * step;
            (minimum..=maximum).step_by(usize::try_from(stride).unwrap()).collect()
        }
    }
}
