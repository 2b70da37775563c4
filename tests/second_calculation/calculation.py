"""Second calculation of the screening result.

Written from the published figures and the written rules of rule table 2026.3. It shares no code, no data and no tables
with the service, so that a mistake in one of the two shows as a difference. The conventions stand in `measured.py`.
"""

from measured import (
    Measured, any_of, at_cut_off, below_by_sex, bmi_at_most, bmi_below, both, lost_over, options, when_yes,
)
from red_flags import red_flags

# ---------------------------------------------------------------------------------------------------------
# Own score: every group of rules gives (lower, upper, the rules that are certain)


def scored_options(rules):
    """Answer -> bounds and rule, of a group with one rule for every answer; `rules` is answer -> (rule, points)."""
    table = {answer: (points, points, (rule,)) for answer, (rule, points) in rules.items()}
    scale = [points for _, points in rules.values()]
    table[None] = (min(scale), max(scale), ())
    return table


def scored_yes(rule, points):
    return {True: (points, points, (rule,)), False: (0, 0, ()), None: (0, points, ())}


def scored_difficulty(name):
    return scored_options({"none": (f"{name}_none", 0), "some": (f"{name}_some", 1),
                           "a_lot_or_unable": (f"{name}_a_lot_or_unable", 2)})


# The rules that use one option or one yes/no item
OWN_SCORE_ITEMS = (
    # SARC-F, Malmstrom 2013
    ("carrying_difficulty", scored_difficulty("carrying")),
    ("walking_difficulty", scored_difficulty("walking")),
    ("chair_rise_difficulty", scored_difficulty("chair_rise")),
    ("stair_difficulty", scored_difficulty("stairs")),
    ("muscle_shrinkage", scored_yes("muscle_shrinkage", 2)),  # clinic
    ("weakness", scored_yes("weakness", 1)),  # clinic
    ("fatigue", {"rarely": (0, 0, ()), "sometimes": (0, 0, ()), "often": (1, 1, ("fatigue_often",)),
                 None: (0, 1, ())}),  # clinic
    ("balance_trouble", scored_yes("balance_trouble", 1)),  # clinic
    # inactive: Gao 2021, OR 1.73; light: judgement
    ("activity", scored_options({"inactive": ("activity_inactive", 2), "light": ("activity_light", 1),
                                 "moderate": ("activity_moderate_or_vigorous", 0),
                                 "vigorous": ("activity_moderate_or_vigorous", 0)})),
    ("smoker", scored_yes("smoker", 1)),  # Gao 2021, OR 1.20
    ("muscle_injury_or_surgery", scored_yes("muscle_injury_or_surgery", 1)),  # clinic
    ("fracture_from_fall", scored_yes("fracture_from_fall", 1)),  # clinic
)

CONDITION_POINTS = {
    "osteoporosis": 2,  # Gao 2021, OR 2.73, one tier down
    "cancer": 2,  # Yuan & Larsson 2023
    "cognitive_impairment": 2,  # Gao 2021, OR 1.62
    "other_neuromuscular_disease": 2,  # clinic
    "parkinsons_disease": 2,  # prevalence
    "stroke": 1,  # prevalence
    "liver_cirrhosis": 1,  # prevalence
    "diabetes": 1,  # Gao 2021, OR 1.40; Pacifico 2020
    "copd": 1,  # Gao 2021, OR 1.22; Pacifico 2020
    "heart_failure": 1,  # Gao 2021, OR 1.14
    "chronic_kidney_disease": 1,  # Duarte
    "osteoarthritis": 1,  # Gao 2021, OR 1.33
    "depression": 1,  # Gao 2021, OR 1.46
    "rheumatoid_arthritis": 0,  # advice only
    "none_of_these": 0,
}
CONDITIONS_CAP = 4

MEDICATION_POINTS = {
    "systemic_corticosteroid_3_weeks": 2,  # clinic
    "chemotherapy_past_year": 2,  # clinic; Jang 2020
    "loop_diuretic": 1,  # Ishikawa 2018, two tiers down
    "sulfonylurea_or_glinide": 1,  # Kashiwa 2023
    # asked, not scored
    "proton_pump_inhibitor": 0,
    "statin": 0,
    "cancer_immunotherapy": 0,
    "blood_thinner": 0,
    "androgen_deprivation": 0,
    "glp1_agonist": 0,
    "sedative_or_antipsychotic": 0,
    "none_of_these": 0,
    "other": 0,
}
POLYPHARMACY_POINTS = 2  # five or more regular medicines: Kashiwa 2023, HR 2.00
MEDICATIONS_CAP = 4

SCORED_RULES = (
    "age_under_60", "age_60_69", "age_70_79", "age_80_and_over",
    *(rule for _, table in OWN_SCORE_ITEMS[:4] for answer, (_, _, fired) in table.items() for rule in fired),
    "falls_0", "falls_1_3", "falls_4_and_more",
    "muscle_shrinkage", "weakness", "fatigue_often", "balance_trouble",
    "activity_inactive", "activity_light", "activity_moderate_or_vigorous",
    "smoker", "sleep_under_6", "sleep_6_to_9", "sleep_over_9",
    "bmi_under_18_5", "unintended_loss_over_5_percent", "weight_loss_over_2_kg", "bmi_low_for_age",
    "protein_not_daily", "meals_skipped", "vitamin_d_below_25",
    "bed_rest_10_days", "hospital_stays_2_and_more", "hospital_stay_1",
    *(name for name, points in CONDITION_POINTS.items() if points),
    "muscle_injury_or_surgery", "fracture_from_fall",
    *(name for name, points in MEDICATION_POINTS.items() if points), "polypharmacy",
)


def one_step(value, highest, steps):
    """The last of the (from, points, rule) steps that the value reaches; a group whose rules part a whole range."""
    if value is None:
        return 0, highest, ()
    reached = steps[0]
    for step in steps:
        if value >= step[0]:
            reached = step
    return reached[1], reached[1], (reached[2],)


# Gao 2021, OR 1.12 a year, about 3 a decade: three points with each decade from 60 on
AGE_STEPS = ((18, 0, "age_under_60"), (60, 3, "age_60_69"), (70, 6, "age_70_79"), (80, 9, "age_80_and_over"))
# SARC-F, Malmstrom 2013
FALLS_STEPS = ((0, 0, "falls_0"), (1, 1, "falls_1_3"), (4, 2, "falls_4_and_more"))


def sleep_points(sleep_hours):
    """Gao 2021, lowered to one point: under 6 h, 6-9 h none, over 9 h."""
    if sleep_hours is None:
        return 0, 1, ()
    if sleep_hours < 6:
        return 1, 1, ("sleep_under_6",)
    return (1, 1, ("sleep_over_9",)) if sleep_hours > 9 else (0, 0, ("sleep_6_to_9",))


def highest_of(rules):
    """Bounds of (rule, truth, points) of which only the highest counts, and the rules that are certain."""
    lower = upper = 0
    fired = ()
    for rule, truth, points in rules:
        if truth is not False:
            if points > upper:
                upper = points
            if truth:
                fired += (rule,)
                if points > lower:
                    lower = points
    return lower, upper, fired


def bmi_low_for_age(age, height, weight):
    """GLIM: under 20 below 70 years, under 22 from 70; with the age unknown, only a result that both rows share."""
    younger, older = bmi_below(height, weight, 200), bmi_below(height, weight, 220)
    if age is None:
        return younger if younger is older else None
    return younger if age < 70 else older


def nutrition_points(measured):
    get, height, weight, loss_year = measured.get, measured.height, measured.weight, measured.loss_year
    protein = get("protein_daily")
    meals = get("three_meals_usually")
    unintended_loss = both(lost_over(5, weight, measured.loss_6_months), measured.loss_unintended)
    return highest_of((
        ("bmi_under_18_5", bmi_below(height, weight, 185), 3),  # Gao 2021, OR 3.78
        ("unintended_loss_over_5_percent", unintended_loss, 3),  # GLIM; Gao 2021, OR 2.99
        # MSRA, Rossi 2017: more than 2 kg in a year
        ("weight_loss_over_2_kg", None if loss_year is None else loss_year > 20, 2),
        ("bmi_low_for_age", bmi_low_for_age(measured.age, height, weight), 1),  # GLIM
        ("protein_not_daily", None if protein is None else not protein, 1),  # Houston 2008
        ("meals_skipped", None if meals is None else not meals, 1),  # MSRA, Rossi 2017
    ))


def vitamin_d_points(vitamin_d, laboratory_asked):
    """Visser 2003, two tiers down: below 25 nmol/L. A laboratory value that was not requested is not an open item."""
    if vitamin_d is None:
        return (0, 1, ()) if laboratory_asked else (0, 0, ())
    return (1, 1, ("vitamin_d_below_25",)) if vitamin_d < 25 else (0, 0, ())


def immobility_points(stays, bed_rest_days):
    return highest_of((
        ("bed_rest_10_days", None if bed_rest_days is None else bed_rest_days >= 10, 2),  # bed-rest study 2015
        ("hospital_stays_2_and_more", None if stays is None else stays >= 2, 2),  # MSRA, Rossi 2017; Wan 2023
        ("hospital_stay_1", None if stays is None else stays == 1, 1),
    ))


def set_points(chosen, points):
    if chosen is None:
        return 0, sum(points.values()), ()
    fired = tuple(option for option in set(chosen) if points[option])
    total = sum(points[option] for option in fired)
    return total, total, fired


def condition_points(conditions):
    lower, upper, fired = set_points(conditions, CONDITION_POINTS)
    return min(CONDITIONS_CAP, lower), min(CONDITIONS_CAP, upper), fired


def medication_points(medications, count):
    lower, upper, fired = set_points(medications, MEDICATION_POINTS)
    if count is None:
        upper += POLYPHARMACY_POINTS
    elif count >= 5:
        lower += POLYPHARMACY_POINTS
        upper += POLYPHARMACY_POINTS
        fired += ("polypharmacy",)
    return min(MEDICATIONS_CAP, lower), min(MEDICATIONS_CAP, upper), fired


def own_score(measured):
    """Bounds of the total of the service's own rules, and each rule that is certain, highest of its group or not."""
    get = measured.get
    lower = upper = 0
    rules = []
    groups = [table[get(item)] for item, table in OWN_SCORE_ITEMS]
    groups += (
        one_step(measured.age, 9, AGE_STEPS),
        one_step(measured.falls, 2, FALLS_STEPS),
        sleep_points(get("sleep_hours")),
        nutrition_points(measured),
        vitamin_d_points(get("vitamin_d_nmol_l"), measured.laboratory_asked),
        immobility_points(measured.stays, get("bed_rest_days_past_year")),
        condition_points(get("conditions")),
        medication_points(get("medications"), get("regular_medication_count")),
    )
    for low, high, fired in groups:
        lower += low
        upper += high
        rules += fired
    return lower, upper, rules


def band(points):
    """Moderate from 10, high from 15."""
    return "low" if points < 10 else "moderate" if points < 15 else "high"


# ---------------------------------------------------------------------------------------------------------
# Instruments

# MSRA, Rossi 2017: can walk 1000 m, three meals, dairy every day, protein every day
MSRA_7_ITEMS = (
    ("can_walk_1000_m", when_yes(5)),
    ("three_meals_usually", when_yes(5)),
    ("dairy_daily", when_yes(5)),
    ("protein_daily", when_yes(5)),
)
MSRA_5_ITEMS = (
    ("can_walk_1000_m", when_yes(15)),
    ("protein_daily", when_yes(15)),  # the 2017 abstract keeps protein; disputed
)


def ten_if(truth):
    """Ten points for a true test; open between 0 and 10 while it is unknown."""
    if truth is None:
        return 0, 10
    return (10, 10) if truth else (0, 0)


# SARC-CalF, Barbosa-Silva 2016: at most 34 cm men, 33 cm women. In tenths, "at most 34.0" is "below 34.1".
SARC_CALF_LOW_CALF = {"male": 341, "female": 331}


def sarc_calf_bounds(sarc_f, measured):
    low, high = ten_if(below_by_sex(measured.calf, SARC_CALF_LOW_CALF, measured.sexes))
    return sarc_f[0] + low, sarc_f[1] + high


def sarc_f_ebm_bounds(sarc_f, measured):
    """Kurita 2019: 10 points from age 75, 10 points at a BMI of at most 21."""
    age = measured.age
    age_low, age_high = ten_if(None if age is None else age >= 75)
    bmi_low, bmi_high = ten_if(bmi_at_most(measured.height, measured.weight, 210))
    return sarc_f[0] + age_low + bmi_low, sarc_f[1] + age_high + bmi_high


def msra_bounds(get, measured, items, stays_points, loss_points):
    """Rossi 2017. Under 70 5 points; stays: none, one, more; 2 kg or less lost in a year."""
    age, stays, loss = measured.age, measured.stays, measured.loss_year
    lower = upper = 0
    if age is None:
        upper += 5
    elif age < 70:
        lower += 5
        upper += 5
    if stays is None:
        upper += stays_points[0]
    elif stays <= 1:
        lower += stays_points[stays]
        upper += stays_points[stays]
    if loss is None:
        upper += loss_points
    elif loss <= 20:
        lower += loss_points
        upper += loss_points
    for item, table in items:
        low, high = table[get(item)]
        lower += low
        upper += high
    return lower, upper


def outcome(age, age_from, certain, possible):
    """`certain`: every completion is positive; `possible`: some completion is."""
    if age is None:
        return "undetermined"
    if age < age_from:
        return "not_applicable"
    if certain:
        return "positive"
    return "undetermined" if possible else "negative"


def scored(outcome_, lower, upper):
    return {"outcome": outcome_, "total": lower if lower == upper else None, "lower": lower, "upper": upper}


def higher_is_worse(bounds, age, age_from, cut_off):
    lower, upper = bounds
    return scored(outcome(age, age_from, lower >= cut_off, upper >= cut_off), lower, upper)


def lower_is_worse(bounds, age, age_from, cut_off):
    lower, upper = bounds
    return scored(outcome(age, age_from, upper <= cut_off, lower <= cut_off), lower, upper)


# Ishii 2014, in thousandths: points per year above 64, per 0.1 kg grip and per 0.1 cm calf below the anchor
ISHII = {
    #         year, grip, grip anchor, calf, calf anchor, cut-off
    "male": (620, 309, 500, 464, 420, 105_000),
    "female": (800, 509, 340, 328, 420, 120_000),
}
AGE_RANGE = (18, 120)
GRIP_RANGE = (0, 1000)  # tenths of a kilogram
CALF_RANGE = (150, 700)  # tenths of a centimetre


def ishii_score(sex, age, grip, calf):
    per_year, per_grip, grip_anchor, per_calf, calf_anchor, _ = ISHII[sex]
    return per_year * (age - 64) - per_grip * (grip - grip_anchor) - per_calf * (calf - calf_anchor)


def ishii(measured):
    """The score rises with age and falls with grip and calf: the ends of the ranges give the bounds."""
    age, grip, calf, sexes = measured.age, measured.grip, measured.calf, measured.sexes
    youngest, oldest = AGE_RANGE if age is None else (age, age)
    weakest, strongest = GRIP_RANGE if grip is None else (grip, grip)
    thinnest, thickest = CALF_RANGE if calf is None else (calf, calf)
    certain, possible = True, False
    lowers, uppers = [], []
    for sex in sexes:
        cut_off = ISHII[sex][5]
        lower = ishii_score(sex, youngest, strongest, thickest)
        upper = ishii_score(sex, oldest, weakest, thinnest)
        certain = certain and lower >= cut_off
        possible = possible or upper >= cut_off
        lowers.append(lower)
        uppers.append(upper)
    complete = len(sexes) == 1 and age is not None and grip is not None and calf is not None
    return {
        "outcome": outcome(age, 65, certain, possible),
        "total": lowers[0] if complete else None,
        "lower": min(lowers),
        "upper": max(uppers),
    }


FINGER_RING_SMALLER = {None: None, "bigger": False, "just_fits": False, "smaller": True}  # Tanaka (Kashiwa)


def finger_ring(age, smaller):
    result = outcome(age, 65, smaller is True, smaller is not False)
    return {"outcome": result, "total": None, "lower": None, "upper": None}


def instruments(get, measured, sarc_f, sarc_calf, ring_smaller):
    age, sppb = measured.age, measured.sppb
    return {
        "sarc_f": higher_is_worse(sarc_f, age, 60, 4),  # Malmstrom 2013
        "sarc_calf": higher_is_worse(sarc_calf, age, 60, 11),  # Barbosa-Silva 2016
        "sarc_f_ebm": higher_is_worse(sarc_f_ebm_bounds(sarc_f, measured), age, 60, 12),  # Kurita 2019
        # Rossi 2017: stays none / one / more give 10 / 5 / 0 (MSRA-7) and 15 / 10 / 0 (MSRA-5)
        "msra_7": lower_is_worse(msra_bounds(get, measured, MSRA_7_ITEMS, (10, 5), 5), age, 60, 30),
        "msra_5": lower_is_worse(msra_bounds(get, measured, MSRA_5_ITEMS, (15, 10), 10), age, 60, 45),
        "ishii": ishii(measured),  # Ishii 2014
        "finger_ring": finger_ring(age, ring_smaller),
        "sppb": lower_is_worse((0, 12) if sppb is None else (sppb, sppb), age, 60, 8),
    }


# Positive results of these flag a submission, all of them as routine; the others are only shown. Id -> family.
FLAGGING_INSTRUMENTS = {
    "finger_ring": "symptoms", "ishii": "measured", "sarc_calf": "symptoms", "sarc_f": "symptoms", "sppb": "measured",
}


# ---------------------------------------------------------------------------------------------------------
# Pathways

# In tenths of a centimetre and of a kilogram
LOW_CALF = {"male": 340, "female": 330}  # AWGS 2019 and 2025
LOW_GRIP_EWGSOP2 = {"male": 270, "female": 160}  # Cruz-Jentoft 2019
LOW_GRIP_AWGS_2019 = {"male": 280, "female": 180}  # Chen 2020
LOW_GRIP_AWGS_2025_FROM_50 = {"male": 340, "female": 200}  # Chen 2025
LOW_GRIP_AWGS_2025_FROM_65 = {"male": 280, "female": 180}  # Chen 2025
LOW_GRIP_SDOC = {"male": 355, "female": 200}  # Bhasin 2020

DIRECT_TO_GRIP = ("heart_failure", "copd", "diabetes", "chronic_kidney_disease")  # AWGS 2025


def unless_unable(test, name, measured):
    """A test the person was unable to do fails its cut-off."""
    return True if name in measured.unable else test


def ewgsop2(get, measured, sarc_f, sarc_calf, ring_smaller):
    """Cruz-Jentoft 2019: grip < 27/16 kg, chair stands > 15 s; gait <= 0.8 m/s, SPPB <= 8, TUG >= 20 s."""
    stands, gait, sppb, tug = measured.chair_stands, measured.gait, measured.sppb, measured.timed_up_and_go
    case = at_cut_off(sarc_f, 4)
    strength = any_of((
        unless_unable(below_by_sex(measured.grip, LOW_GRIP_EWGSOP2, measured.sexes), "grip", measured),
        unless_unable(None if stands is None else stands > 1500, "chair_stands", measured),
    ))
    performance = any_of((
        unless_unable(None if gait is None else gait <= 80, "gait", measured),
        None if sppb is None else sppb <= 8,
        unless_unable(None if tug is None else tug >= 2000, "timed_up_and_go", measured),
    ))
    return case, strength, performance, strength


def awgs_2019(get, measured, sarc_f, sarc_calf, ring_smaller):
    """Chen 2020: grip < 28/18 kg, chair stands >= 12 s; gait < 1.0 m/s, SPPB <= 9."""
    stands, gait, sppb = measured.chair_stands, measured.gait, measured.sppb
    case = any_of((
        at_cut_off(sarc_f, 4),
        at_cut_off(sarc_calf, 11),
        below_by_sex(measured.calf, LOW_CALF, measured.sexes),
    ))
    strength = any_of((
        unless_unable(below_by_sex(measured.grip, LOW_GRIP_AWGS_2019, measured.sexes), "grip", measured),
        unless_unable(None if stands is None else stands >= 1200, "chair_stands", measured),
    ))
    performance = any_of((
        unless_unable(None if gait is None else gait < 100, "gait", measured),
        None if sppb is None else sppb <= 9,
    ))
    return case, strength, performance, strength


def grip_low_awgs_2025(measured):
    """Chen 2025: < 34/20 kg at 50-64, < 28/18 kg from 65; with the age unknown, only a result that both rows share."""
    grip, age = measured.grip, measured.age
    if grip is None:
        return None
    if age is None:
        younger = below_by_sex(grip, LOW_GRIP_AWGS_2025_FROM_50, measured.sexes)
        older = below_by_sex(grip, LOW_GRIP_AWGS_2025_FROM_65, measured.sexes)
        return younger if younger == older else None
    if age < 50:
        return False
    return below_by_sex(grip, LOW_GRIP_AWGS_2025_FROM_50 if age < 65 else LOW_GRIP_AWGS_2025_FROM_65, measured.sexes)


def unintended_loss(measured):
    """Any loss that was not intended, in six or in twelve months."""
    year, half = measured.loss_year, measured.loss_6_months
    lost = any_of((None if year is None else year > 0, None if half is None else half > 0))
    return both(measured.loss_unintended, lost)


def awgs_2025(get, measured, sarc_f, sarc_calf, ring_smaller):
    """Chen 2025: four conditions, repeated falls and unintended loss lead directly to grip; no performance."""
    conditions, falls = get("conditions"), measured.falls
    case = any_of((
        at_cut_off(sarc_f, 4),
        at_cut_off(sarc_calf, 11),
        ring_smaller,
        below_by_sex(measured.calf, LOW_CALF, measured.sexes),
        None if conditions is None else any(condition in conditions for condition in DIRECT_TO_GRIP),
        None if falls is None else falls >= 2,  # repeated: judgement
        unintended_loss(measured),
    ))
    strength = unless_unable(grip_low_awgs_2025(measured), "grip", measured)
    return case, strength, None, strength


def sdoc(get, measured, sarc_f, sarc_calf, ring_smaller):
    """Bhasin 2020: grip < 35.5/20 kg and gait < 0.8 m/s, both."""
    gait = measured.gait
    strength = unless_unable(below_by_sex(measured.grip, LOW_GRIP_SDOC, measured.sexes), "grip", measured)
    performance = unless_unable(None if gait is None else gait < 80, "gait", measured)
    return None, strength, performance, both(strength, performance)


# id -> (criteria, from age, the stage its criteria give)
PATHWAYS = {
    "ewgsop2": (ewgsop2, 60, "probable"),
    "awgs_2019": (awgs_2019, 60, "possible"),
    "awgs_2025": (awgs_2025, 50, "possible"),
    "sdoc": (sdoc, 65, "criteria_met"),
}
FLAGGING_STAGES = ("probable", "possible", "criteria_met")


def stage(age, age_from, reached, own_stage, case):
    if age is None:
        return "none_found_yet"
    if age < age_from:
        return "not_applicable"
    if reached:
        return own_stage
    return "at_risk" if case else "none_found_yet"


def pathways(asked, get, measured, sarc_f, sarc_calf, ring_smaller):
    results = {}
    for id_ in asked:
        criteria, age_from, own_stage = PATHWAYS[id_]
        case, strength, performance, reached = criteria(get, measured, sarc_f, sarc_calf, ring_smaller)
        results[id_] = {
            "case_found": case,
            "strength_low": strength,
            "performance_low": performance,
            "stage": stage(measured.age, age_from, reached, own_stage, case),
        }
    return results


# ---------------------------------------------------------------------------------------------------------
# Care level and urgency

LEVELS = ("self_care", "consultation", "consultation_24h", "emergency", "emergency_ambulance")  # low to high
RANK = {level: rank for rank, level in enumerate(LEVELS)}
URGENCIES = ("routine", "this_week", "today")  # low to high

ALARM_ITEMS = (
    "new_breathing_trouble_or_chest_pain", "new_swallowing_or_speech_trouble", "new_face_droop_or_sight_loss",
    "new_one_sided_weakness", "new_confusion", "limb_weakness_within_days", "new_bladder_bowel_or_saddle_trouble",
    "muscle_pain", "dark_urine", "palpitations", "fever_or_rash_with_weakness", "headache_jaw_or_scalp_pain",
    "weakness_over_weeks", "high_dose_steroids", "head_injury",
)
ALARM_ITEMS_AFTER_A_FALL = ("cannot_bear_weight_after_fall", "long_lie_after_fall")


def alarm_unanswered(measured):
    """Whether an alarm item that was asked has no answer. After no fall, two of them are not asked."""
    asked = ALARM_ITEMS if measured.falls == 0 else ALARM_ITEMS + ALARM_ITEMS_AFTER_A_FALL
    return None in [measured.get(item) for item in asked]


def care_level(fired, flagged, halves, measured):
    worst = max([RANK[flag.level] for flag in fired], default=0)
    if flagged:
        worst = max(worst, RANK["consultation"])
    if worst:
        return LEVELS[worst]
    return None if halves or alarm_unanswered(measured) else "self_care"


def highest_urgency(reasons):
    """`reasons` are (urgency, family). The highest wins; two families together make it at least this week."""
    if not reasons:
        return None
    highest = max(URGENCIES.index(urgency) for urgency, _ in reasons)
    if len({family for _, family in reasons if family}) >= 2:
        highest = max(highest, URGENCIES.index("this_week"))
    return URGENCIES[highest]


# ---------------------------------------------------------------------------------------------------------
# The whole result


def calculate(answers, audience=("person",), asked_pathways=()):
    """The result of one set of answers, in the form that the service reports for comparison."""
    return calculate_with_rules(answers, audience, asked_pathways)[0]


def calculate_with_rules(answers, audience, asked_pathways):
    """The result, and the scored rules that are certain."""
    get = answers.get
    measured = Measured(get, audience)
    ring_smaller = FINGER_RING_SMALLER[get("finger_ring")]

    sarc_f = measured.sarc_f
    sarc_calf = sarc_calf_bounds(sarc_f, measured)
    lower, upper, rules = own_score(measured)
    by_instrument = instruments(get, measured, sarc_f, sarc_calf, ring_smaller)
    by_pathway = pathways(asked_pathways, get, measured, sarc_f, sarc_calf, ring_smaller)
    fired, halves, missing = red_flags(measured)

    band_at_least = band(lower)
    band_high = band_at_least == "high"
    flagging_instruments = [id_ for id_ in FLAGGING_INSTRUMENTS if by_instrument[id_]["outcome"] == "positive"]
    flagging_pathways = sorted(id_ for id_, found in by_pathway.items() if found["stage"] in FLAGGING_STAGES)

    reasons = {f"laboratory:{flag.id}" if flag.laboratory else f"red_flag:{flag.id}": (flag.urgency, flag.family)
               for flag in fired}
    reasons |= {f"instrument:{id_}": ("routine", FLAGGING_INSTRUMENTS[id_]) for id_ in flagging_instruments}
    reasons |= {f"pathway:{id_}": ("this_week", "measured") for id_ in flagging_pathways}
    reasons |= {f"value_missing:{item}": ("routine", None) for item in missing}
    if band_high:
        reasons["band:high"] = ("routine", None)

    return {
        "total": lower,
        "lower": lower,
        "upper": upper,
        "band_at_least": band_at_least,
        "band_at_most": band(upper),
        "instruments": by_instrument,
        "pathways": by_pathway,
        "care_level": care_level(fired, bool(reasons), halves, measured),
        "flagged": bool(reasons),
        "flags": {
            "band": band_high,
            "instruments": flagging_instruments,
            "pathways": flagging_pathways,
            "laboratory": sum(flag.laboratory for flag in fired),
            "red_flags": sum(not flag.laboratory for flag in fired),
        },
        "flag_reasons": sorted(reasons),
        "red_flags": sorted(flag.id for flag in fired),
        "red_flag_levels": sorted(flag.level for flag in fired),
        "urgency": highest_urgency(list(reasons.values())),
    }, rules
