//! No person with clear signs of illness gets `self_care`, and every person with only healthy answers does.

use sarcoscreen::domain::screening::answers::Answers;
use sarcoscreen::domain::screening::condition::{Truth, View};
use sarcoscreen::domain::screening::questionnaire::{Audiences, Item, Kind};
use sarcoscreen::domain::screening::red_flag::CareLevel;
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::released_files;

use crate::people::People;

const PERSON: ScoreOptions<'static> = ScoreOptions::PERSON;

fn table(version: &str) -> RuleTable {
    RuleTable::read(&released_files(version).unwrap()).unwrap()
}

fn option(item: Item, name: &str) -> i32 {
    let place = item.spec().kind.options().iter().position(|option| *option == name).unwrap();
    i32::try_from(place).unwrap()
}

fn includes(answers: &Answers, item: Item, name: &str) -> bool {
    answers.get(item).is_some_and(|mask| mask & (1 << option(item, name)) != 0)
}

/// The sign of illness in the answers, if any; computed without the red flags of the table.
fn ill(table: &RuleTable, answers: &Answers) -> Option<&'static str> {
    let get = |item| answers.get(item);
    let yes = |item| get(item) == Some(1);
    let difficulties =
        [Item::CarryingDifficulty, Item::WalkingDifficulty, Item::ChairRiseDifficulty, Item::StairDifficulty];
    let lost = difficulties.iter().filter(|item| get(**item) == Some(2)).count();
    let weak = yes(Item::Weakness) || yes(Item::LimbWeaknessWithinDays) || yes(Item::WeaknessOverWeeks);
    let steroid = includes(answers, Item::Medications, "systemic_corticosteroid_3_weeks")
        || includes(answers, Item::Medications, "systemic_corticosteroid");
    let loss = || {
        let (lost, weight) = (get(Item::WeightLossPastYearKg)?, get(Item::WeightKg)?);
        Some(yes(Item::WeightLossUnintended) && 100 * lost > 5 * (weight + lost))
    };
    let enzyme = || {
        let (value, limit) = (get(Item::CreatineKinaseUL)?, get(Item::CreatineKinaseUpperLimitUL)?);
        Some(2 * value > 3 * limit)
    };
    let grip = || {
        let grip = get(Item::GripStrengthKg)?;
        // Below the lower limit it is low in either sex.
        Some(grip < if get(Item::Sex) == Some(option(Item::Sex, "male")) { 270 } else { 160 })
    };
    let unable = |test| includes(answers, Item::TestsUnable, test);
    let strength_low = grip().unwrap_or_default()
        || get(Item::FiveChairStandsS).is_some_and(|time| time > 1500)
        || unable("grip")
        || unable("chair_stands");
    let sarc_f = table.instrument("sarc_f").unwrap().read(answers).bounds.unwrap();
    [
        (sarc_f.lower >= 4, "SARC-F of 4"),
        (lost >= 2, "two difficulties a_lot_or_unable"),
        (strength_low, "a measured low strength"),
        (steroid && weak, "a steroid with weakness"),
        (loss().unwrap_or_default(), "over 5 % unintended loss in 12 months"),
        (enzyme().unwrap_or_default(), "creatine kinase over 1.5 times its limit"),
    ]
    .into_iter()
    .find_map(|(is, why)| is.then_some(why))
}

/// The first of the ill people who gets `self_care` or no flag, with the reason; and the number of ill people.
fn left_alone(version: &str, people: u64, seed: u64) -> (Option<String>, u64) {
    let table = table(version);
    let mut source = People::seeded(&table, seed);
    let (mut found, mut sick) = (None, 0);
    for _ in 0..people {
        let answered = 20 + source.below(81);
        let mut answers = source.person(answered);
        // A submission must state the age.
        if answers.get(Item::Age).is_none() {
            answers.set(Item::Age, Some(source.value(Item::Age)));
        }
        let Some(why) = ill(&table, &answers) else { continue };
        sick += 1;
        let result = score(&table, &answers, PERSON);
        if result.care_level == Some(CareLevel::SelfCare) || !result.flagged() {
            found = found.or_else(|| Some(format!("{why}: {}", serde_json::to_string(&answers).unwrap())));
        }
    }
    (found, sick)
}

fn is_well(table: &RuleTable, people: u64, seed: u64) {
    let mut source = People::seeded(table, seed);
    for _ in 0..people {
        let answers = healthy(table, &mut source);
        let result = score(table, &answers, PERSON);
        let text = || serde_json::to_string(&answers).unwrap();
        assert_eq!(result.care_level, Some(CareLevel::SelfCare), "{:?} {}", result.flag_reasons, text());
        assert!(!result.flagged(), "{}", text());
    }
}

/// A person of any age and sex, with or without measurements, with only healthy answers.
fn healthy(table: &RuleTable, source: &mut People) -> Answers {
    let mut answers = Answers::default();
    let healthiest = [
        (Item::HeightCm, 1700),
        (Item::WeightKg, 700),
        (Item::CarryingDifficulty, 0),
        (Item::WalkingDifficulty, 0),
        (Item::ChairRiseDifficulty, 0),
        (Item::StairDifficulty, 0),
        (Item::Fatigue, 0),
        (Item::Activity, 3),
        (Item::StrengthTrainingDays, 3),
        (Item::CanWalk1000M, 1),
        (Item::ThreeMealsDaily, 1),
        (Item::ThreeMealsUsually, 1),
        (Item::DairyDaily, 1),
        (Item::ProteinDaily, 1),
        (Item::SleepHours, 75),
        (Item::Conditions, 1 << option(Item::Conditions, "none_of_these")),
        (Item::Medications, 1 << option(Item::Medications, "none_of_these")),
        (Item::FingerRing, 0),
        (Item::CalfCircumferenceCm, 380),
        (Item::GripStrengthKg, 450),
        (Item::FiveChairStandsS, 900),
        (Item::TimedUpAndGoS, 800),
        (Item::GaitSpeedMS, 130),
        (Item::Sppb, 12),
        (Item::TestsUnable, 0),
        (Item::CreatineKinaseUL, 100),
        (Item::CreatineKinaseUpperLimitUL, 200),
        (Item::MyoglobinUgL, 30),
        (Item::MyoglobinUpperLimitUgL, 70),
        (Item::VitaminDNmolL, 80),
    ];
    for item in table.asked.items.iter() {
        let best = healthiest.iter().find(|(known, _)| *known == item).map_or(0, |(_, value)| *value);
        answers.set(item, Some(best));
    }
    answers.set(Item::Age, Some(18 + i32::try_from(source.below(103)).unwrap()));
    answers.set(Item::Sex, Some(i32::try_from(source.below(2)).unwrap()));
    if source.below(2) == 0 {
        for item in table.asked.items.iter() {
            let measured = !matches!(item.spec().audience().as_str(), "person");
            if measured && !matches!(item.spec().kind, Kind::Set { .. }) {
                answers.set(item, None);
            }
        }
    }
    let view = View { answers: &answers, audiences: Audiences::PERSON };
    assert!(table.red_flags.iter().all(|flag| flag.when.evaluate(view) == Truth::False));
    answers
}

#[test]
fn no_ill_person_is_left_alone_and_no_healthy_person_is_alarmed() {
    let (found, sick) = left_alone("2026.3", 20_000, 3);
    assert!(found.is_none(), "{found:?}");
    assert!(sick > 2_000, "only {sick} were ill");
    is_well(&table("2026.3"), 2_000, 5);
}

#[test]
#[ignore = "runs in the gate beside the second calculation"]
fn no_ill_person_among_1_000_000_is_left_alone() {
    let (found, sick) = left_alone("2026.3", 1_000_000, 1_000_000);
    assert!(found.is_none(), "{found:?}");
    println!("1,000,000 people, {sick} ill, none left alone");
    is_well(&table("2026.3"), 100_000, 100_000);
}

#[test]
fn rule_table_2026_2_leaves_ill_people_alone() {
    let (found, _) = left_alone("2026.2", 20_000, 3);
    println!("2026.2 leaves alone: {}", found.as_deref().unwrap_or_default());
    assert!(found.is_some());
}

/// Scoring answers to an earlier form with this table keeps `self_care`, although that form lacked some items. An alarm that
/// this table asks differently stays open.
#[test]
fn answers_to_an_earlier_form_keep_self_care_and_their_alarms_stay_open() {
    let (before, now) = (table("2026.2"), table("2026.3"));
    let healthy = |level: CareLevel, change: Option<(Item, i32)>| {
        let mut answers = Answers::default();
        for item in before.asked.items.iter() {
            match item.spec().kind {
                Kind::Flag | Kind::Choice(_) | Kind::Set { .. } => answers.set(item, Some(0)),
                Kind::Number { .. } => {}
            }
        }
        answers.set(Item::Age, Some(45));
        answers.set(Item::FallsPastYear, Some(0));
        for loss in [Item::WeightLossPastYearKg, Item::WeightLoss6MonthsKg] {
            answers.set(loss, Some(0));
        }
        if let Some((item, value)) = change {
            answers.set(item, Some(value));
        }
        assert_eq!(score(&before, &answers, PERSON).care_level, Some(level), "{change:?}");
        score(&now, &answers, PERSON).care_level
    };
    assert_eq!(healthy(CareLevel::SelfCare, None), Some(CareLevel::SelfCare));
    assert_eq!(healthy(CareLevel::EmergencyAmbulance, Some((Item::NewBreathingTrouble, 1))), None);
    assert_eq!(healthy(CareLevel::EmergencyAmbulance, Some((Item::HeadInjuryOrConfusionAfterFall, 1))), None);
}
