//! The catalogue: every item of the questionnaire with its group, kind, range, step and options.

use super::questionnaire::{Group, Item, Kind, Spec};

const DIFFICULTY: &[&str] = &["none", "some", "a_lot_or_unable"];
const CONDITIONS: &[&str] = &[
    "diabetes",
    "copd",
    "heart_failure",
    "chronic_kidney_disease",
    "cancer",
    "osteoporosis",
    "osteoarthritis",
    "cognitive_impairment",
    "depression",
    "neuromuscular_disease",
    "parkinsons_disease",
    "stroke",
    "liver_cirrhosis",
    "other_neuromuscular_disease",
    "rheumatoid_arthritis",
    "none_of_these",
];
const MEDICATIONS: &[&str] = &[
    "systemic_corticosteroid",
    "chemotherapy",
    "loop_diuretic",
    "proton_pump_inhibitor",
    "sulfonylurea_or_glinide",
    "statin",
    "none_of_these",
    "other",
    "systemic_corticosteroid_3_weeks",
    "chemotherapy_past_year",
    "cancer_immunotherapy",
    "blood_thinner",
    "androgen_deprivation",
    "glp1_agonist",
    "sedative_or_antipsychotic",
];
const HEAD_INJURY: &[&str] = &["none", "hit", "hit_with_later_signs", "hit_and_still_unwell"];

/// Every item, in the order of [`Item`] (checked by a test).
pub const CATALOGUE: [Spec; Item::COUNT] = [
    spec(Item::Age, "age", Group::About, integer(18, 120, "years")),
    spec(Item::Sex, "sex", Group::About, Kind::Choice(&["female", "male"])),
    spec(Item::HeightCm, "height_cm", Group::About, decimal(1000, 2300, 1, 10, "cm")),
    spec(Item::WeightKg, "weight_kg", Group::About, decimal(250, 3000, 1, 10, "kg")),
    spec(Item::CarryingDifficulty, "carrying_difficulty", Group::Mobility, Kind::Choice(DIFFICULTY)),
    spec(Item::WalkingDifficulty, "walking_difficulty", Group::Mobility, Kind::Choice(DIFFICULTY)),
    spec(Item::ChairRiseDifficulty, "chair_rise_difficulty", Group::Mobility, Kind::Choice(DIFFICULTY)),
    spec(Item::StairDifficulty, "stair_difficulty", Group::Mobility, Kind::Choice(DIFFICULTY)),
    spec(Item::FallsPastYear, "falls_past_year", Group::Falls, integer(0, 365, "falls")),
    spec(Item::MuscleShrinkage, "muscle_shrinkage", Group::Symptoms, Kind::Flag),
    spec(Item::Weakness, "weakness", Group::Symptoms, Kind::Flag),
    spec(Item::BalanceTrouble, "balance_trouble", Group::Symptoms, Kind::Flag),
    spec(Item::ColdIntolerance, "cold_intolerance", Group::Symptoms, Kind::Flag),
    spec(Item::Fatigue, "fatigue", Group::Symptoms, Kind::Choice(&["rarely", "sometimes", "often"])),
    spec(Item::Activity, "activity", Group::Activity, Kind::Choice(&["inactive", "light", "moderate", "vigorous"])),
    spec(Item::StrengthTrainingDays, "strength_training_days", Group::Activity, integer(0, 7, "days_a_week")),
    spec(Item::CanWalk1000M, "can_walk_1000_m", Group::Activity, Kind::Flag),
    spec(Item::ThreeMealsDaily, "three_meals_daily", Group::Nutrition, Kind::Flag),
    spec(Item::DairyDaily, "dairy_daily", Group::Nutrition, Kind::Flag),
    spec(Item::ProteinDaily, "protein_daily", Group::Nutrition, Kind::Flag),
    spec(Item::Smoker, "smoker", Group::Lifestyle, Kind::Flag),
    spec(Item::SleepHours, "sleep_hours", Group::Lifestyle, decimal(0, 240, 5, 10, "hours")),
    spec(Item::WeightLossPastYearKg, "weight_loss_past_year_kg", Group::Nutrition, decimal(0, 1000, 1, 10, "kg")),
    spec(Item::WeightLoss6MonthsKg, "weight_loss_6_months_kg", Group::Nutrition, decimal(0, 1000, 1, 10, "kg")),
    spec(Item::WeightLossUnintended, "weight_loss_unintended", Group::Nutrition, Kind::Flag),
    spec(Item::HospitalStaysPastYear, "hospital_stays_past_year", Group::Health, integer(0, 50, "stays")),
    spec(Item::BedRestDaysPastYear, "bed_rest_days_past_year", Group::Health, integer(0, 366, "days")),
    spec(
        Item::Conditions,
        "conditions",
        Group::Health,
        Kind::Set { options: CONDITIONS, exclusive: Some("none_of_these") },
    ),
    spec(Item::MuscleInjuryOrSurgery, "muscle_injury_or_surgery", Group::Health, Kind::Flag),
    spec(Item::FractureFromFall, "fracture_from_fall", Group::Health, Kind::Flag),
    spec(
        Item::Medications,
        "medications",
        Group::Health,
        Kind::Set { options: MEDICATIONS, exclusive: Some("none_of_these") },
    ),
    spec(Item::MedicationCount, "medication_count", Group::Health, integer(0, 60, "medicines")),
    spec(Item::FingerRing, "finger_ring", Group::Symptoms, Kind::Choice(&["bigger", "just_fits", "smaller"])),
    spec(Item::CalfCircumferenceCm, "calf_circumference_cm", Group::Measurements, decimal(150, 700, 1, 10, "cm")),
    spec(Item::GripStrengthKg, "grip_strength_kg", Group::Measurements, decimal(0, 1000, 1, 10, "kg")),
    spec(Item::FiveChairStandsS, "five_chair_stands_s", Group::Measurements, decimal(100, 30_000, 1, 100, "s")),
    spec(Item::TimedUpAndGoS, "timed_up_and_go_s", Group::Measurements, decimal(100, 30_000, 1, 100, "s")),
    spec(Item::GaitSpeedMS, "gait_speed_m_s", Group::Measurements, decimal(0, 300, 1, 100, "m_per_s")),
    spec(Item::Sppb, "sppb", Group::Measurements, integer(0, 12, "points")),
    spec(
        Item::TestsUnable,
        "tests_unable",
        Group::Measurements,
        Kind::Set {
            options: &["grip", "chair_stands", "gait", "timed_up_and_go", "none_of_these"],
            exclusive: Some("none_of_these"),
        },
    ),
    spec(Item::CreatineKinaseUL, "creatine_kinase_u_l", Group::Laboratory, integer(0, 500_000, "u_per_l")),
    spec(
        Item::CreatineKinaseUpperLimitUL,
        "creatine_kinase_upper_limit_u_l",
        Group::Laboratory,
        integer(20, 1_000, "u_per_l"),
    ),
    spec(Item::MyoglobinUgL, "myoglobin_ug_l", Group::Laboratory, integer(0, 100_000, "ug_per_l")),
    spec(Item::MyoglobinUpperLimitUgL, "myoglobin_upper_limit_ug_l", Group::Laboratory, integer(10, 500, "ug_per_l")),
    spec(Item::VitaminDNmolL, "vitamin_d_nmol_l", Group::Laboratory, integer(0, 500, "nmol_per_l")),
    spec(Item::NewBreathingTrouble, "new_breathing_trouble", Group::Alarm, Kind::Flag),
    spec(Item::NewSwallowingOrSpeechTrouble, "new_swallowing_or_speech_trouble", Group::Alarm, Kind::Flag),
    spec(Item::NewFaceDroopOrDoubleVision, "new_face_droop_or_double_vision", Group::Alarm, Kind::Flag),
    spec(Item::NewOneSidedWeakness, "new_one_sided_weakness", Group::Alarm, Kind::Flag),
    spec(Item::WeaknessWorseningOverDays, "weakness_worsening_over_days", Group::Alarm, Kind::Flag),
    spec(Item::MusclePain, "muscle_pain", Group::Alarm, Kind::Flag),
    spec(Item::DarkUrine, "dark_urine", Group::Alarm, Kind::Flag),
    spec(Item::CannotBearWeightAfterFall, "cannot_bear_weight_after_fall", Group::Alarm, Kind::Flag),
    spec(Item::HeadInjuryOrConfusionAfterFall, "head_injury_or_confusion_after_fall", Group::Alarm, Kind::Flag),
    spec(Item::CouldNotGetUpAfterFall, "could_not_get_up_after_fall", Group::Alarm, Kind::Flag),
    spec(
        Item::NewBladderOrBowelLossOrSaddleNumbness,
        "new_bladder_or_bowel_loss_or_saddle_numbness",
        Group::Alarm,
        Kind::Flag,
    ),
    spec(Item::FeverOrRashWithWeakness, "fever_or_rash_with_weakness", Group::Alarm, Kind::Flag),
    spec(Item::HighDoseSteroids, "high_dose_steroids", Group::Alarm, Kind::Flag),
    spec(Item::Palpitations, "palpitations", Group::Alarm, Kind::Flag),
    spec(Item::ThreeMealsUsually, "three_meals_usually", Group::Nutrition, Kind::Flag),
    spec(Item::PoorAppetite, "poor_appetite", Group::Nutrition, Kind::Flag),
    spec(Item::ChewingTrouble, "chewing_trouble", Group::Nutrition, Kind::Flag),
    spec(Item::RegularMedicationCount, "regular_medication_count", Group::Health, integer(0, 60, "medicines")),
    spec(Item::NewBreathingTroubleOrChestPain, "new_breathing_trouble_or_chest_pain", Group::Alarm, Kind::Flag),
    spec(Item::NewFaceDroopOrSightLoss, "new_face_droop_or_sight_loss", Group::Alarm, Kind::Flag),
    spec(Item::NewConfusion, "new_confusion", Group::Alarm, Kind::Flag),
    spec(Item::LimbWeaknessWithinDays, "limb_weakness_within_days", Group::Alarm, Kind::Flag),
    spec(Item::NewBladderBowelOrSaddleTrouble, "new_bladder_bowel_or_saddle_trouble", Group::Alarm, Kind::Flag),
    spec(Item::WeaknessOverWeeks, "weakness_over_weeks", Group::Alarm, Kind::Flag),
    spec(Item::HeadacheJawOrScalpPain, "headache_jaw_or_scalp_pain", Group::Alarm, Kind::Flag),
    spec(Item::HeadInjury, "head_injury", Group::Alarm, Kind::Choice(HEAD_INJURY)),
    spec(Item::LongLieAfterFall, "long_lie_after_fall", Group::Alarm, Kind::Flag),
];

const fn spec(item: Item, id: &'static str, group: Group, kind: Kind) -> Spec {
    Spec { item, id, group, kind }
}

/// An integer; both bounds are inclusive.
const fn integer(minimum: i32, maximum: i32, unit: &'static str) -> Kind {
    Kind::Number { minimum, maximum, step: 1, scale: 1, unit }
}

/// A decimal; bounds and step are in units of `1 / scale`.
const fn decimal(minimum: i32, maximum: i32, step: i32, scale: i32, unit: &'static str) -> Kind {
    Kind::Number { minimum, maximum, step, scale, unit }
}
