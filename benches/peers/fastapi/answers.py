"""The answers as a model. An absent item and null both mean unanswered."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def distinct(options: list[str]) -> list[str]:
    if len(set(options)) < len(options):
        raise ValueError("each option at most once")
    if "none_of_these" in options and len(options) > 1:
        raise ValueError("none_of_these excludes every other option")
    return options


Flag = bool | None
Difficulty = Literal["none", "some", "a_lot_or_unable"]
Tenths = Field(multiple_of=0.1)
Hundredths = Field(multiple_of=0.01)
Condition = Literal[
    "diabetes", "copd", "heart_failure", "chronic_kidney_disease", "cancer", "osteoporosis", "osteoarthritis",
    "cognitive_impairment", "depression", "parkinsons_disease", "stroke", "liver_cirrhosis",
    "other_neuromuscular_disease", "rheumatoid_arthritis", "none_of_these",
]  # fmt: skip
Medication = Literal[
    "loop_diuretic", "proton_pump_inhibitor", "sulfonylurea_or_glinide", "statin", "other",
    "systemic_corticosteroid_3_weeks", "chemotherapy_past_year", "cancer_immunotherapy", "blood_thinner",
    "androgen_deprivation", "glp1_agonist", "sedative_or_antipsychotic", "none_of_these",
]  # fmt: skip
Test = Literal["grip", "chair_stands", "gait", "timed_up_and_go", "none_of_these"]
Age = Annotated[int, Field(ge=18, le=120)]
Falls = Annotated[int, Field(ge=0, le=365)]
Activity = Literal["inactive", "light", "moderate", "vigorous"]
Medications = Annotated[list[Medication], AfterValidator(distinct)]


class Strict(BaseModel):
    """Refuses unknown fields and values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answers(Strict):
    age: Age | None = None
    sex: Literal["female", "male"] | None = None
    height_cm: Annotated[float, Field(ge=100, le=230), Tenths] | None = None
    weight_kg: Annotated[float, Field(ge=25, le=300), Tenths] | None = None
    new_breathing_trouble_or_chest_pain: Flag = None
    new_swallowing_or_speech_trouble: Flag = None
    new_face_droop_or_sight_loss: Flag = None
    new_one_sided_weakness: Flag = None
    new_confusion: Flag = None
    limb_weakness_within_days: Flag = None
    new_bladder_bowel_or_saddle_trouble: Flag = None
    muscle_pain: Flag = None
    dark_urine: Flag = None
    palpitations: Flag = None
    fever_or_rash_with_weakness: Flag = None
    headache_jaw_or_scalp_pain: Flag = None
    weakness_over_weeks: Flag = None
    high_dose_steroids: Flag = None
    head_injury: Literal["none", "hit", "hit_with_later_signs", "hit_and_still_unwell"] | None = None
    cannot_bear_weight_after_fall: Flag = None
    long_lie_after_fall: Flag = None
    carrying_difficulty: Difficulty | None = None
    walking_difficulty: Difficulty | None = None
    chair_rise_difficulty: Difficulty | None = None
    stair_difficulty: Difficulty | None = None
    falls_past_year: Falls | None = None
    muscle_shrinkage: Flag = None
    weakness: Flag = None
    balance_trouble: Flag = None
    cold_intolerance: Flag = None
    fatigue: Literal["rarely", "sometimes", "often"] | None = None
    finger_ring: Literal["bigger", "just_fits", "smaller"] | None = None
    activity: Activity | None = None
    strength_training_days: Annotated[int, Field(ge=0, le=7)] | None = None
    can_walk_1000_m: Flag = None
    dairy_daily: Flag = None
    protein_daily: Flag = None
    weight_loss_past_year_kg: Annotated[float, Field(ge=0, le=100), Tenths] | None = None
    weight_loss_6_months_kg: Annotated[float, Field(ge=0, le=100), Tenths] | None = None
    weight_loss_unintended: Flag = None
    three_meals_usually: Flag = None
    poor_appetite: Flag = None
    chewing_trouble: Flag = None
    smoker: Flag = None
    sleep_hours: Annotated[float, Field(ge=0, le=24, multiple_of=0.5)] | None = None
    hospital_stays_past_year: Annotated[int, Field(ge=0, le=50)] | None = None
    bed_rest_days_past_year: Annotated[int, Field(ge=0, le=366)] | None = None
    conditions: Annotated[list[Condition], AfterValidator(distinct)] | None = None
    muscle_injury_or_surgery: Flag = None
    fracture_from_fall: Flag = None
    medications: Medications | None = None
    regular_medication_count: Annotated[int, Field(ge=0, le=60)] | None = None
    calf_circumference_cm: Annotated[float, Field(ge=15, le=70), Tenths] | None = None
    grip_strength_kg: Annotated[float, Field(ge=1, le=100), Tenths] | None = None
    five_chair_stands_s: Annotated[float, Field(ge=3, le=300), Hundredths] | None = None
    timed_up_and_go_s: Annotated[float, Field(ge=1, le=300), Hundredths] | None = None
    gait_speed_m_s: Annotated[float, Field(ge=0, le=3), Hundredths] | None = None
    sppb: Annotated[int, Field(ge=0, le=12)] | None = None
    tests_unable: Annotated[list[Test], AfterValidator(distinct)] | None = None
    creatine_kinase_u_l: Annotated[int, Field(ge=0, le=500_000)] | None = None
    creatine_kinase_upper_limit_u_l: Annotated[int, Field(ge=20, le=1_000)] | None = None
    myoglobin_ug_l: Annotated[int, Field(ge=0, le=100_000)] | None = None
    myoglobin_upper_limit_ug_l: Annotated[int, Field(ge=10, le=500)] | None = None
    vitamin_d_nmol_l: Annotated[int, Field(ge=0, le=500)] | None = None

    @property
    def bmi(self) -> float | None:
        if self.weight_kg is None or self.height_cm is None:
            return None
        return self.weight_kg / (self.height_cm / 100) ** 2

    @property
    def weight_loss_6_months_percent(self) -> float | None:
        """Of the weight before the loss."""
        lost = self.weight_loss_6_months_kg
        if self.weight_kg is None or lost is None:
            return None
        return 100 * lost / (self.weight_kg + lost)


class SubmittedAnswers(Answers):
    """A submission must answer these."""

    age: Age
    stair_difficulty: Difficulty
    falls_past_year: Falls
    activity: Activity
    medications: Medications
