//! Figures of small samples, worked by hand. Age is the only predictor of a sample without rule tables.

use super::*;
use crate::evaluation::predictor::Predictors;
use crate::evaluation::sample::{Member, Place};
use crate::screening::answers::Answers;
use crate::screening::questionnaire::Item;

const MEMBER: Member<'_> = Member { age: 70, sex: Some(0), weight: 1.0, place: None, fold: None, known: 1, met: 0 };

fn sample<'a>(members: impl IntoIterator<Item = Member<'a>>) -> Sample {
    let predictors = Predictors::new(Vec::new(), Vec::new());
    let outcomes = ["weak", "thin"].map(|id| (id.to_owned(), id.to_owned(), 60));
    let mut sample = Sample::new(predictors, outcomes);
    for (row, member) in (2..).zip(members) {
        sample.add(row, &member, &Answers::of(Item::Age, Some(member.age)));
    }
    sample
}

fn close(one: Option<f64>, other: f64) {
    assert!(one.is_some_and(|one| (one - other).abs() < 1e-12), "{one:?} is not {other}");
}

/// Cases of 63, 75, 75 years and others of 61, 63, 75, 62: the area is 9.5 / 12, as in the test of the curve. From 75 on: 2 of
/// 3 cases and 1 of 4 others.
#[test]
fn age_is_measured_at_its_cut_offs() {
    let people = [(63, 1), (75, 1), (75, 1), (61, 0), (63, 0), (75, 0), (62, 0)];
    let figures = measure(&sample(people.map(|(age, met)| Member { age, met, ..MEMBER })), 0, 50, 1);
    assert_eq!((figures.people, figures.cases, figures.strata, figures.units), (7, 3, 1, 7));
    close(figures.prevalence.value, 3.0 / 7.0);
    let age = &figures.predictors[0];
    assert_eq!((&*age.predictor, age.cut_offs.len()), ("age", 4));
    close(age.area.value, 9.5 / 12.0);
    let at_75 = &age.cut_offs[2];
    assert_eq!(at_75.cut_off, "75 and over");
    close(at_75.sensitivity.value, 2.0 / 3.0);
    close(at_75.specificity.value, 0.75);
    close(at_75.flagged.value, 3.0 / 7.0);
}

#[test]
fn an_outcome_counts_only_people_in_whom_it_is_known() {
    let known = |known, met| Member { known, met, ..MEMBER };
    let sample = sample([known(0b01, 0b01), known(0b10, 0b00), known(0b11, 0b10), known(0, 0)]);
    let [weak, thin] = [0, 1].map(|outcome| measure(&sample, outcome, 10, 1));
    assert_eq!((sample.rows, weak.people, weak.cases, thin.people, thin.cases), (4, 2, 1, 2, 1));
    assert_eq!([0, 1].map(|outcome| sample.known(outcome)), [2, 2]);
}

/// Weights 1 and 3 of cases, 4 of another: half of the weight has the outcome.
#[test]
fn prevalence_counts_weights() {
    let weighed = [(1.0, 1), (3.0, 1), (4.0, 0)].map(|(weight, met)| Member { weight, met, ..MEMBER });
    close(measure(&sample(weighed), 0, 10, 1).prevalence.value, 0.5);
}

/// In part a, 1 of 4 people of 60 and 3 of 4 of 70 have the outcome; in part b it is the reverse. A model of part b expects
/// 3/4 at 60 for the people of part a, and a model of part a 1/4 for those of part b: together 1/2 at each age.
#[test]
fn people_are_predicted_from_the_other_part_of_the_data() {
    let part = |fold: &'static str, ages: [i32; 2]| {
        let people = move |age, cases| {
            (0..4).map(move |place| Member { age, fold: Some(fold), met: u32::from(place < cases), ..MEMBER })
        };
        people(ages[0], 1).chain(people(ages[1], 3))
    };
    let figures = measure(&sample(part("a", [60, 70]).chain(part("b", [70, 60]))), 0, 10, 1);
    let calibration = &figures.predictors[0].calibration;
    assert_eq!(calibration.iter().map(|one| &*one.class).collect::<Vec<_>>(), ["60", "70"]);
    for tenth in calibration {
        assert!((tenth.expected.unwrap() - 0.5).abs() < 1e-6, "{tenth:?}");
        close(tenth.observed.value, 0.5);
        close(tenth.share.value, 0.5);
    }
}

/// Parts a and b have the same people, so the model of each is that of all. Of the people of 60 years 16 of 40 have the
/// outcome, of those of 70 years 32 of 40: 0.4 and 0.8 are expected. Of the women it is 4 of 20 and 14 of 20, so they have it
/// less often than expected, and the men more often.
#[test]
fn each_group_is_calibrated_by_the_model_of_all_people() {
    let people = |fold: &'static str, sex: i32, age: i32, cases: i32| {
        (0..20).map(move |place| Member {
            age,
            sex: Some(sex),
            fold: Some(fold),
            met: u32::from(place < cases),
            ..MEMBER
        })
    };
    let women = |fold| people(fold, 0, 60, 4).chain(people(fold, 0, 70, 14));
    let men = |fold| people(fold, 1, 60, 12).chain(people(fold, 1, 70, 18));
    let part = |fold| women(fold).chain(men(fold));
    let figures = measure(&sample(part("a").chain(part("b"))), 0, 10, 1);
    let groups = &figures.predictors[0].groups;
    for (group, name, observed) in [(&groups[0], "women", [0.2, 0.7]), (&groups[1], "men", [0.6, 0.9])] {
        assert_eq!((&*group.group, group.calibration.len()), (name, 2));
        for ((tenth, class), (observed, expected)) in
            group.calibration.iter().zip(["60", "70"]).zip(observed.into_iter().zip([0.4, 0.8]))
        {
            assert_eq!(tenth.class, class);
            close(tenth.observed.value, observed);
            close(tenth.share.value, 0.5);
            assert!((tenth.expected.unwrap() - expected).abs() < 1e-6, "{name} {tenth:?}");
        }
        close(group.prevalence.value, observed.iter().sum::<f64>() / 2.0);
        assert!((group.expected.unwrap() - 0.6).abs() < 1e-6, "{name} {:?}", group.expected);
    }
}

#[test]
fn a_group_of_few_people_has_no_area() {
    let women = (0..20).map(|place| Member { age: 60 + place, met: u32::from(place >= 10), ..MEMBER });
    let men = (0..12).map(|place| Member { age: 60 + place, sex: Some(1), met: u32::from(place == 3), ..MEMBER });
    let figures = measure(&sample(women.chain(men)), 0, 50, 1);
    let groups = &figures.predictors[0].groups;
    let found: Vec<_> = groups.iter().map(|group| (&*group.group, group.people, group.area.is_some())).collect();
    assert_eq!(found, [("women", 20, true), ("men", 12, false), ("60 to 69", 20, false), ("70 to 79", 12, false)]);
    close(groups[0].area.unwrap().value, 1.0);
    close(groups[1].prevalence.value, 1.0 / 12.0);
}

/// 4 strata of 2 units: an interval of the share of cases, which differs from unit to unit.
#[test]
fn an_interval_follows_the_units() {
    let place = |unit: usize| Place { stratum: ["a", "b", "c", "d"][unit / 2], unit: ["1", "2"][unit % 2] };
    let member = |index: usize| {
        let unit = index % 8;
        Member { place: Some(place(unit)), met: u32::from(unit.is_multiple_of(2)), ..MEMBER }
    };
    let figures = measure(&sample((0..80).map(member)), 0, 400, 1);
    assert_eq!((figures.strata, figures.units), (4, 8));
    // Each stratum gives 0 or 1, so the share is 0, 1/4, 1/2, 3/4 or 1, and 1 of 16 replicates each is 0 or 1.
    close(figures.prevalence.value, 0.5);
    close(figures.prevalence.low, 0.0);
    close(figures.prevalence.high, 1.0);
    assert_eq!(sample([Member { place: Some(place(0)), ..MEMBER }]).faults("unit").len(), 1);
}
