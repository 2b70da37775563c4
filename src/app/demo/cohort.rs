//! A synthetic cohort: adults aged 45 to 92, most of them fairly healthy. No person in it is real, and no rate in it is a
//! finding. One hidden number, frailty, drives every answer, so that the answers correlate as they do in people.

use super::dice::Dice;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::asked::Asked;
use crate::domain::screening::questionnaire::Item;

/// The number of people.
pub(super) const SIZE: usize = 300;

const SEED: u64 = 7;
/// Each condition with its share among the robust and the increase by frailty, thousandths.
const CONDITIONS: [(&str, i32, i32); 15] = [
    ("diabetes", 80, 150),
    ("copd", 40, 110),
    ("heart_failure", 15, 180),
    ("chronic_kidney_disease", 25, 140),
    ("cancer", 25, 50),
    ("osteoporosis", 30, 140),
    ("osteoarthritis", 110, 330),
    ("cognitive_impairment", 8, 130),
    ("depression", 60, 140),
    ("neuromuscular_disease", 3, 10),
    ("other_neuromuscular_disease", 3, 10),
    ("parkinsons_disease", 3, 30),
    ("stroke", 15, 60),
    ("liver_cirrhosis", 4, 10),
    ("rheumatoid_arthritis", 8, 15),
];
/// Alarm signs; one in fifty people reports one.
const ALARMS: [Item; 5] = [
    Item::Palpitations,
    Item::MusclePain,
    Item::FeverOrRashWithWeakness,
    Item::WeaknessOverWeeks,
    Item::NewSwallowingOrSpeechTrouble,
];

/// The complete answers of the cohort to what a rule table asks, always the same.
pub fn cohort(asked: &Asked) -> Vec<Answers> {
    let mut dice = Dice::new(SEED);
    (0..SIZE).map(|_| Person::new(&mut dice, asked).answers).collect()
}

/// A person under construction.
struct Person<'a> {
    dice: &'a mut Dice,
    asked: &'a Asked,
    answers: Answers,
    /// From 0, robust, to 1000.
    frailty: i32,
}

impl<'a> Person<'a> {
    fn new(dice: &'a mut Dice, asked: &'a Asked) -> Self {
        let age = i32::midpoint(dice.between(45, 92), dice.between(45, 92));
        let years = (age - 45) * 1000 / 47;
        let luck = dice.between(0, 1000);
        let frailty = (200 + years * 8 / 10) * (luck * luck / 1000) / 1000 + years / 12;
        let mut person = Self { dice, asked, answers: Answers::default(), frailty };
        person.set(Item::Age, age);
        person.body();
        person.mobility();
        person.falls();
        person.symptoms();
        person.habits();
        person.weight_loss();
        person.care();
        person.conditions();
        person.medications();
        person.alarms();
        person
    }

    fn body(&mut self) {
        let female = self.dice.chance(540);
        self.choose(Item::Sex, if female { "female" } else { "male" });
        let height = if female { self.dice.around(1480, 1760) } else { self.dice.around(1600, 1900) };
        // Body mass index in tenths: from lean to heavy, and lower in the frail.
        let index = self.dice.around(195, 350) - self.frailty / 20;
        self.set(Item::HeightCm, height);
        self.set(Item::WeightKg, index * height / 100 * height / 10_000);
    }

    fn mobility(&mut self) {
        for (item, harder) in [
            (Item::CarryingDifficulty, 0),
            (Item::WalkingDifficulty, 180),
            (Item::ChairRiseDifficulty, 80),
            (Item::StairDifficulty, -30),
        ] {
            let strain = self.frailty - harder + self.dice.around(-220, 220);
            self.choose(item, graded(strain, ["none", "some", "a_lot_or_unable"], [360, 640]));
        }
        let walks = !self.with_frailty(20, 550);
        self.flag(Item::CanWalk1000M, walks);
        let calf = self.frailty + self.dice.around(-200, 200);
        self.choose(Item::FingerRing, graded(calf, ["bigger", "just_fits", "smaller"], [380, 680]));
    }

    fn falls(&mut self) {
        let fell = self.with_frailty(90, 400);
        let often = fell && self.with_frailty(0, 220);
        let falls = match (fell, often) {
            (_, true) => self.dice.between(4, 7),
            (true, false) => self.dice.between(1, 1 + self.frailty / 400),
            (false, false) => 0,
        };
        self.set(Item::FallsPastYear, falls);
        let broken = fell && self.with_frailty(40, 80);
        self.flag(Item::FractureFromFall, broken);
    }

    fn symptoms(&mut self) {
        for (item, base, more) in [
            (Item::MuscleShrinkage, 15, 330),
            (Item::Weakness, 25, 600),
            (Item::BalanceTrouble, 30, 520),
            (Item::ColdIntolerance, 50, 250),
            (Item::MuscleInjuryOrSurgery, 40, 60),
        ] {
            let reported = self.with_frailty(base, more);
            self.flag(item, reported);
        }
        let tired = self.frailty + self.dice.around(-350, 350);
        self.choose(Item::Fatigue, graded(tired, ["rarely", "sometimes", "often"], [300, 600]));
    }

    fn habits(&mut self) {
        let idle = self.frailty + self.dice.around(-350, 350);
        let activity = if idle < 30 { "vigorous" } else { graded(idle, ["moderate", "light", "inactive"], [330, 620]) };
        self.choose(Item::Activity, activity);
        let trains = self.dice.chance(350 - self.frailty * 3 / 10);
        let days = if trains { self.dice.between(1, 4) } else { 0 };
        self.set(Item::StrengthTrainingDays, days);
        for (item, base, less) in
            [(Item::ThreeMealsDaily, 90, 180), (Item::DairyDaily, 200, 100), (Item::ProteinDaily, 90, 180)]
        {
            let missing = self.with_frailty(base, less);
            self.flag(item, !missing);
            if item == Item::ThreeMealsDaily {
                self.flag(Item::ThreeMealsUsually, !missing);
            }
        }
        for (item, base, more) in [(Item::PoorAppetite, 30, 200), (Item::ChewingTrouble, 40, 160)] {
            let reported = self.with_frailty(base, more);
            self.flag(item, reported);
        }
        let smokes = self.dice.chance(130);
        self.flag(Item::Smoker, smokes);
        // Tenths of an hour, in steps of half an hour.
        let slept = self.dice.around(11, 18) - i32::from(self.with_frailty(80, 120)) * 2;
        self.set(Item::SleepHours, slept * 5);
    }

    fn weight_loss(&mut self) {
        let lost = self.with_frailty(60, 300);
        let year = if lost { self.dice.between(10, 55) } else { 0 };
        let half = year * self.dice.between(10, 60) / 100;
        let unwanted = lost && self.with_frailty(300, 400);
        self.set(Item::WeightLossPastYearKg, year);
        self.set(Item::WeightLoss6MonthsKg, half);
        self.flag(Item::WeightLossUnintended, unwanted);
    }

    fn care(&mut self) {
        let admitted = self.with_frailty(50, 280);
        let again = admitted && self.with_frailty(30, 250);
        self.set(Item::HospitalStaysPastYear, i32::from(admitted) + i32::from(again));
        let days = if admitted { self.dice.between(1, 6 + self.frailty / 100) } else { 0 };
        self.set(Item::BedRestDaysPastYear, days);
    }

    fn conditions(&mut self) {
        let mut named: Vec<&str> = CONDITIONS
            .iter()
            .filter(|(_, base, more)| self.dice.chance(base + more * self.frailty / 1000))
            .map(|(name, ..)| *name)
            .collect();
        if named.is_empty() {
            named.push("none_of_these");
        }
        self.choose_all(Item::Conditions, &named);
    }

    fn medications(&mut self) {
        let (heart, sugar, cancer) = (self.has("heart_failure"), self.has("diabetes"), self.has("cancer"));
        let shares = [
            (self.either("systemic_corticosteroid_3_weeks", "systemic_corticosteroid"), 10 + self.frailty * 4 / 100),
            (self.either("chemotherapy_past_year", "chemotherapy"), if cancer { 200 } else { 0 }),
            ("cancer_immunotherapy", if cancer { 80 } else { 0 }),
            ("androgen_deprivation", if cancer { 60 } else { 0 }),
            ("blood_thinner", 60 + self.frailty * 15 / 100),
            ("glp1_agonist", if sugar { 200 } else { 10 }),
            ("sedative_or_antipsychotic", 30 + self.frailty * 8 / 100),
            ("loop_diuretic", if heart { 700 } else { 15 }),
            ("proton_pump_inhibitor", 110 + self.frailty * 12 / 100),
            ("sulfonylurea_or_glinide", if sugar { 250 } else { 0 }),
            ("statin", 200),
            ("other", 450 + self.frailty * 3 / 10),
        ];
        let mut taken: Vec<&str> =
            shares.iter().filter(|(_, share)| self.dice.chance(*share)).map(|(name, _)| *name).collect();
        taken.retain(|option| self.asks(Item::Medications, option));
        let others = if taken.contains(&"other") { self.dice.between(0, 1 + self.frailty / 220) } else { 0 };
        let count = i32::try_from(taken.len()).unwrap_or_default() + others;
        self.set(Item::MedicationCount, count);
        self.set(Item::RegularMedicationCount, count);
        if taken.is_empty() {
            taken.push("none_of_these");
        }
        self.choose_all(Item::Medications, &taken);
    }

    fn alarms(&mut self) {
        for item in &self.asked.alarms {
            // No, or the first option of a choice: none.
            self.answers.set(*item, Some(0));
        }
        if self.dice.chance(20)
            && let Some(item) = self.dice.pick(&ALARMS)
        {
            self.flag(item, true);
        }
    }

    /// `true` with a probability that grows with frailty, both parts in thousandths.
    fn with_frailty(&mut self, base: i32, more: i32) -> bool {
        self.dice.chance(base + more * self.frailty / 1000)
    }

    fn has(&self, condition: &str) -> bool {
        let mask = self.answers.get(Item::Conditions).unwrap_or_default();
        mask & (1 << index(Item::Conditions, condition)) != 0
    }

    fn set(&mut self, item: Item, value: i32) {
        if self.asked.items.has(item) {
            self.answers.set(item, Some(value));
        }
    }

    fn asks(&self, item: Item, option: &str) -> bool {
        self.asked.options(item).any(|asked| asked == option)
    }

    /// The option that the table asks: a later one, or the one that it replaced.
    fn either(&self, later: &'static str, earlier: &'static str) -> &'static str {
        if self.asks(Item::Medications, later) { later } else { earlier }
    }

    fn flag(&mut self, item: Item, yes: bool) {
        self.set(item, i32::from(yes));
    }

    fn choose(&mut self, item: Item, option: &str) {
        self.set(item, index(item, option));
    }

    fn choose_all(&mut self, item: Item, options: &[&str]) {
        let asked = options.iter().filter(|option| self.asks(item, option));
        let mask = asked.fold(0, |mask, option| mask | 1 << index(item, option));
        self.set(item, mask);
    }
}

fn index(item: Item, option: &str) -> i32 {
    let found = item.spec().kind.options().iter().position(|known| *known == option);
    debug_assert!(found.is_some(), "{option}");
    found.and_then(|index| i32::try_from(index).ok()).unwrap_or_default()
}

const fn graded(value: i32, grades: [&'static str; 3], from: [i32; 2]) -> &'static str {
    if value < from[0] {
        grades[0]
    } else if value < from[1] {
        grades[1]
    } else {
        grades[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::answers::RawAnswers;
    use crate::domain::screening::questionnaire::Audience;
    use crate::domain::screening::rule_table::{Band, RuleTable};
    use crate::domain::screening::scoring::{ScoreOptions, score};
    use crate::domain::screening::urgency::Urgency;
    use crate::rules::Releases;

    #[test]
    fn every_person_answered_every_question_a_person_can_without_faults() {
        let releases = Releases::load().unwrap();
        let asked = &releases.current().table.asked;
        for answers in cohort(asked) {
            let text = serde_json::to_string(&answers).unwrap();
            let (parsed, faults) = Answers::parse(&serde_json::from_str::<RawAnswers<'_>>(&text).unwrap());
            assert!(faults.is_empty(), "{faults:?}");
            assert_eq!(parsed, answers);
            assert_eq!(asked.faults("", &answers), []);
            for spec in asked.items.iter().map(Item::spec) {
                assert_eq!(answers.get(spec.item).is_some(), spec.audience() == Audience::Person, "{}", spec.id);
            }
        }
    }

    #[test]
    fn follow_ups_of_every_urgency_occur() {
        let releases = Releases::load().unwrap();
        let table = &releases.current().table;
        let urgencies: Vec<_> =
            cohort(&table.asked).iter().filter_map(|one| score(table, one, ScoreOptions::PERSON).urgency).collect();
        for urgency in Urgency::ALL {
            assert!(urgencies.contains(&urgency), "{}", urgency.as_str());
        }
    }

    #[test]
    fn the_cohort_is_always_the_same() {
        let releases = Releases::load().unwrap();
        let asked = &releases.current().table.asked;
        assert_eq!(cohort(asked), cohort(asked));
    }

    #[test]
    fn most_people_are_fairly_healthy_and_a_minority_of_the_old_is_high() {
        let releases = Releases::load().unwrap();
        let table: &RuleTable = &releases.current().table;
        let high = |from: i32| {
            let all: Vec<_> = cohort(&table.asked).into_iter().filter(|one| one.get(Item::Age) >= Some(from)).collect();
            let band = |one: &Answers| score(table, one, ScoreOptions::PERSON).band();
            all.iter().filter(|one| band(one) == Some(Band::High)).count() * 100 / all.len()
        };
        println!("high: {} % of all, {} % of those over 65", high(0), high(66));
        assert!((5..=25).contains(&high(0)), "{} %", high(0));
        assert!((10..=25).contains(&high(66)), "{} %", high(66));
    }
}
