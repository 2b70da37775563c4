//! The items of the questionnaire: kind, range, step, options, group and audience.
//!
//! The catalogue of items ([`CATALOGUE`]) is the single source. Parsing, the OpenAPI schema, the questionnaire that
//! front-ends render and the rule linter are all derived from it. The rule table's texts hold the wording. A table asks the
//! items and options that its texts name; an item whose meaning changes gets a new id, and earlier tables keep the old one.

use crate::names::names;

use super::answers::{CHAIR_STANDS_FLOOR, GRIP_FLOOR};
pub use super::catalogue::CATALOGUE;

/// One question or measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    Age,
    Sex,
    HeightCm,
    WeightKg,
    CarryingDifficulty,
    WalkingDifficulty,
    ChairRiseDifficulty,
    StairDifficulty,
    FallsPastYear,
    MuscleShrinkage,
    Weakness,
    BalanceTrouble,
    ColdIntolerance,
    Fatigue,
    Activity,
    StrengthTrainingDays,
    CanWalk1000M,
    ThreeMealsDaily,
    DairyDaily,
    ProteinDaily,
    Smoker,
    SleepHours,
    WeightLossPastYearKg,
    WeightLoss6MonthsKg,
    WeightLossUnintended,
    HospitalStaysPastYear,
    BedRestDaysPastYear,
    Conditions,
    MuscleInjuryOrSurgery,
    FractureFromFall,
    Medications,
    MedicationCount,
    FingerRing,
    CalfCircumferenceCm,
    GripStrengthKg,
    FiveChairStandsS,
    TimedUpAndGoS,
    GaitSpeedMS,
    Sppb,
    TestsUnable,
    CreatineKinaseUL,
    CreatineKinaseUpperLimitUL,
    MyoglobinUgL,
    MyoglobinUpperLimitUgL,
    VitaminDNmolL,
    NewBreathingTrouble,
    NewSwallowingOrSpeechTrouble,
    NewFaceDroopOrDoubleVision,
    NewOneSidedWeakness,
    WeaknessWorseningOverDays,
    MusclePain,
    DarkUrine,
    CannotBearWeightAfterFall,
    HeadInjuryOrConfusionAfterFall,
    CouldNotGetUpAfterFall,
    NewBladderOrBowelLossOrSaddleNumbness,
    FeverOrRashWithWeakness,
    HighDoseSteroids,
    Palpitations,
    ThreeMealsUsually,
    PoorAppetite,
    ChewingTrouble,
    RegularMedicationCount,
    NewBreathingTroubleOrChestPain,
    NewFaceDroopOrSightLoss,
    NewConfusion,
    LimbWeaknessWithinDays,
    NewBladderBowelOrSaddleTrouble,
    WeaknessOverWeeks,
    HeadacheJawOrScalpPain,
    HeadInjury,
    LongLieAfterFall,
}

names! {
    /// Who can answer an item.
    pub enum Audience {
        Person = "person",
        /// Staff, who measure it.
        Staff = "staff",
        /// A laboratory, which reports it.
        Laboratory = "laboratory",
    }
}

/// The audiences whose unanswered items count as asked. The person is always included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audiences {
    pub staff: bool,
    pub laboratory: bool,
}

names! {
    /// The group of an item, in the order of the form. Alarms come early because they may end the form.
    #[derive(PartialOrd, Ord)]
    pub enum Group {
        About = "about",
        Alarm = "alarm",
        Mobility = "mobility",
        Falls = "falls",
        Symptoms = "symptoms",
        Activity = "activity",
        Nutrition = "nutrition",
        Lifestyle = "lifestyle",
        Health = "health",
        Measurements = "measurements",
        Laboratory = "laboratory",
    }
}

/// The kind of an answer. Numbers are in units of `1 / scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number in a range, on a step.
    Number {
        /// Lowest value, in units.
        minimum: i32,
        /// Highest value, in units.
        maximum: i32,
        /// Distance between two allowed values, in units.
        step: i32,
        /// Units in 1: 1 for an integer, 10 for one decimal, 100 for two.
        scale: i32,
        /// The unit's key in the texts.
        unit: &'static str,
    },
    Flag,
    Choice(&'static [&'static str]),
    /// Any of these options. The empty set means that the item was asked and none applies.
    Set {
        /// The options, at most 32.
        options: &'static [&'static str],
        /// The option that excludes all others.
        exclusive: Option<&'static str>,
    },
}

/// The fixed properties of an item.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub item: Item,
    /// The name in JSON.
    pub id: &'static str,
    pub group: Group,
    pub kind: Kind,
}

impl Item {
    pub const COUNT: usize = 72;

    /// The items that every submission must answer.
    pub const REQUIRED: [Self; 5] =
        [Self::Age, Self::StairDifficulty, Self::FallsPastYear, Self::Activity, Self::Medications];

    /// Items that only earlier rule tables ask. Stored submissions have them; a new one may not.
    pub const EARLIER: [Self; 8] = [
        Self::ThreeMealsDaily,
        Self::MedicationCount,
        Self::NewBreathingTrouble,
        Self::NewFaceDroopOrDoubleVision,
        Self::WeaknessWorseningOverDays,
        Self::HeadInjuryOrConfusionAfterFall,
        Self::CouldNotGetUpAfterFall,
        Self::NewBladderOrBowelLossOrSaddleNumbness,
    ];

    /// Alarm items that no table before 2026.3 asks.
    pub const LATER_ALARMS: [Self; 9] = [
        Self::NewBreathingTroubleOrChestPain,
        Self::NewFaceDroopOrSightLoss,
        Self::NewConfusion,
        Self::LimbWeaknessWithinDays,
        Self::NewBladderBowelOrSaddleTrouble,
        Self::HeadacheJawOrScalpPain,
        Self::WeaknessOverWeeks,
        Self::HeadInjury,
        Self::LongLieAfterFall,
    ];

    /// The measured item of each option of [`Item::TestsUnable`], in the order of the options.
    pub const TESTED: [Self; 4] =
        [Self::GripStrengthKg, Self::FiveChairStandsS, Self::GaitSpeedMS, Self::TimedUpAndGoS];

    #[must_use]
    pub const fn spec(self) -> &'static Spec {
        &CATALOGUE[self as usize]
    }

    /// The item's name in JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.spec().id
    }

    /// Returns the item with this name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        CATALOGUE.iter().find(|spec| spec.id == id).map(|spec| spec.item)
    }
}

impl Spec {
    /// The lowest plausible value of a number, in its units; 0 for other kinds.
    #[must_use]
    pub const fn least(&self) -> i32 {
        match (self.item, self.kind) {
            (Item::GripStrengthKg, _) => GRIP_FLOOR,
            (Item::FiveChairStandsS, _) => CHAIR_STANDS_FLOOR,
            (_, Kind::Number { minimum, .. }) => minimum,
            _ => 0,
        }
    }

    #[must_use]
    pub const fn audience(&self) -> Audience {
        match self.group {
            Group::Measurements => Audience::Staff,
            Group::Laboratory => Audience::Laboratory,
            _ => Audience::Person,
        }
    }

    #[must_use]
    pub fn required(&self) -> bool {
        Item::REQUIRED.contains(&self.item)
    }
}

impl Kind {
    /// The options of a choice or a set; empty for other kinds.
    #[must_use]
    pub const fn options(&self) -> &'static [&'static str] {
        match *self {
            Self::Choice(options) | Self::Set { options, .. } => options,
            Self::Number { .. } | Self::Flag => &[],
        }
    }
}

impl Audiences {
    /// Only items that the person can answer.
    pub const PERSON: Self = Self { staff: false, laboratory: false };
    /// All items.
    pub const ALL: Self = Self { staff: true, laboratory: true };

    /// The set of these audiences; the person is always included.
    #[must_use]
    pub fn of(audiences: &[Audience]) -> Self {
        let has = |audience| audiences.contains(&audience);
        Self { staff: has(Audience::Staff), laboratory: has(Audience::Laboratory) }
    }

    /// Whether items of this audience count as asked.
    #[must_use]
    pub const fn include(self, audience: Audience) -> bool {
        match audience {
            Audience::Person => true,
            Audience::Staff => self.staff,
            Audience::Laboratory => self.laboratory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_the_order_of_the_items() {
        for (index, spec) in CATALOGUE.iter().enumerate() {
            assert_eq!(spec.item as usize, index, "{}", spec.id);
        }
    }
}
