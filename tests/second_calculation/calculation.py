"""Second calculation of the screening result.

Written from the published figures and the written rules of the rule table. It shares no code, no data and no tables with
the service, so that a mistake in one of the two shows as a difference.

Conventions used throughout:

* `None` is an unanswered item, and the third truth value "unknown" of a test.
* A score is a pair `(lower, upper)`: the certain points, and the most that the open items can still reach.
* Every quantity is an integer in the step of its item (tenths of a kilogram, hundredths of a second), so that
  a value exactly at a cut-off is compared exactly.
"""

# ---------------------------------------------------------------------------------------------------------
# Reading answers


POSSIBLE_SEXES = {None: ("male", "female"), "male": ("male",), "female": ("female",)}


def in_steps(value, steps_per_unit):
    """The value as a whole number of steps of its item; a value between two steps is refused, not rounded."""
    if value is None:
        return None
    scaled = value * steps_per_unit
    steps = round(scaled)
    if abs(scaled - steps) > 1e-6:
        raise ValueError(f"{value} does not lie on a step of 1/{steps_per_unit}")
    return steps


class Measured:
    """The items that several parts of the result use, read once and converted to whole steps."""

    __slots__ = (
        "age", "sexes", "height", "weight", "calf", "grip", "chair_stands", "timed_up_and_go", "gait", "sppb",
        "loss_year", "loss_6_months", "loss_unintended", "unable", "falls", "stays",
    )

    def __init__(self, get):
        self.age = get("age")
        self.sexes = POSSIBLE_SEXES[get("sex")]
        self.height = in_steps(get("height_cm"), 10)
        self.weight = in_steps(get("weight_kg"), 10)
        self.calf = in_steps(get("calf_circumference_cm"), 10)
        self.grip = in_steps(get("grip_strength_kg"), 10)
        self.chair_stands = in_steps(get("five_chair_stands_s"), 100)
        self.timed_up_and_go = in_steps(get("timed_up_and_go_s"), 100)
        self.gait = in_steps(get("gait_speed_m_s"), 100)
        self.sppb = get("sppb")
        self.loss_year = in_steps(get("weight_loss_past_year_kg"), 10)
        self.loss_6_months = in_steps(get("weight_loss_6_months_kg"), 10)
        self.loss_unintended = get("weight_loss_unintended")
        self.unable = get("tests_unable") or ()
        self.falls = get("falls_past_year")
        self.stays = get("hospital_stays_past_year")


# ---------------------------------------------------------------------------------------------------------
# Three-valued logic


def any_of(tests):
    """True if one test is, false if all are, else unknown."""
    if True in tests:
        return True
    return None if None in tests else False


def both(first, second):
    """False if one test is, true if both are, else unknown."""
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def below_by_sex(value, cut_offs, sexes):
    """value < the cut-off of the sex; with the sex unknown, only a result that holds for both."""
    if value is None:
        return None
    low = value < cut_offs[sexes[0]]
    return low if low == (value < cut_offs[sexes[-1]]) else None


def bmi_below(height, weight, tenths):
    """BMI < tenths/10 kg/m2, multiplied out: weight/10 kg over (height/1000 m) squared."""
    if height is None or weight is None:
        return None
    return weight * 1_000_000 < tenths * height * height


def bmi_at_most(height, weight, tenths):
    if height is None or weight is None:
        return None
    return weight * 1_000_000 <= tenths * height * height


def lost_over_5_percent(weight, lost):
    """Share of the weight before the loss: 100 * lost / (weight + lost) > 5."""
    if weight is None or lost is None:
        return None
    return 100 * lost > 5 * (weight + lost)


# ---------------------------------------------------------------------------------------------------------
# Tables: answer -> (lower, upper) points, the unanswered item included


def options(points):
    table = {answer: (value, value) for answer, value in points.items()}
    table[None] = (min(points.values()), max(points.values()))
    return table


def when_yes(points):
    return options({True: points, False: 0})


# SARC-F, Malmstrom 2013: none 0, some 1, a lot or unable 2
DIFFICULTY = options({"none": 0, "some": 1, "a_lot_or_unable": 2})
SARC_F_DIFFICULTIES = ("carrying_difficulty", "walking_difficulty", "chair_rise_difficulty", "stair_difficulty")

# Own score, the rules that use one option or one yes/no item
OWN_SCORE_ITEMS = (
    ("muscle_shrinkage", when_yes(2)),  # clinic
    ("weakness", when_yes(1)),  # clinic
    ("fatigue", options({"rarely": 0, "sometimes": 0, "often": 1})),  # clinic
    ("balance_trouble", when_yes(1)),  # clinic
    # inactive: Gao 2021, OR 1.73; light: judgement
    ("activity", options({"inactive": 2, "light": 1, "moderate": 0, "vigorous": 0})),
    ("smoker", when_yes(1)),  # Gao 2021, OR 1.20
    ("muscle_injury_or_surgery", when_yes(1)),  # clinic
    ("fracture_from_fall", when_yes(1)),  # clinic
)

CONDITION_POINTS = {
    "osteoporosis": 3,  # Gao 2021, OR 2.73
    "cancer": 2,  # Yuan & Larsson 2023
    "cognitive_impairment": 2,  # Gao 2021, OR 1.62
    "neuromuscular_disease": 2,  # clinic
    "diabetes": 1,  # Gao 2021, OR 1.40; Pacifico 2020
    "copd": 1,  # Gao 2021, OR 1.22; Pacifico 2020
    "heart_failure": 1,  # Gao 2021, OR 1.14
    "chronic_kidney_disease": 1,  # Duarte
    "osteoarthritis": 1,  # Gao 2021, OR 1.33
    "depression": 1,  # Gao 2021, OR 1.46
}
CONDITIONS_CAP = 4

MEDICATION_POINTS = {
    "systemic_corticosteroid": 2,  # clinic
    "chemotherapy": 2,  # clinic; Jang 2020
    "loop_diuretic": 1,  # Ishikawa 2018, two tiers down
    "proton_pump_inhibitor": 1,  # Kashiwa 2023
    "sulfonylurea_or_glinide": 1,  # Kashiwa 2023
    "statin": 0,  # asked, not scored
    "none_of_these": 0,
    "other": 0,
}
POLYPHARMACY_POINTS = 2  # five or more medications: Kashiwa 2023, HR 2.00
MEDICATIONS_CAP = 4

# MSRA, Rossi 2017: can walk 1000 m, three meals, dairy every day, protein every day
MSRA_7_ITEMS = (
    ("can_walk_1000_m", when_yes(5)),
    ("three_meals_daily", when_yes(5)),
    ("dairy_daily", when_yes(5)),
    ("protein_daily", when_yes(5)),
)
MSRA_5_ITEMS = (
    ("can_walk_1000_m", when_yes(15)),
    ("protein_daily", when_yes(15)),  # the 2017 abstract keeps protein; disputed
)


# ---------------------------------------------------------------------------------------------------------
# SARC-F, which is also part of the own score


def falls_points(falls):
    """SARC-F, Malmstrom 2013: 0 falls 0, 1-3 falls 1, 4 and more 2."""
    if falls is None:
        return 0, 2
    points = 0 if falls == 0 else 1 if falls <= 3 else 2
    return points, points


def sarc_f_bounds(get, falls):
    lower, upper = falls_points(falls)
    for item in SARC_F_DIFFICULTIES:
        low, high = DIFFICULTY[get(item)]
        lower += low
        upper += high
    return lower, upper


# ---------------------------------------------------------------------------------------------------------
# Own score


def age_points(age):
    """Gao 2021, OR 1.12 a year: under 60 0, 60-69 1, 70-79 2, 80 and over 3."""
    if age is None:
        return 0, 3
    points = 0 if age < 60 else 1 if age < 70 else 2 if age < 80 else 3
    return points, points


def sleep_points(sleep_hours):
    """Gao 2021, two tiers down: under 6 h 1, 6-9 h 0, over 9 h 1."""
    if sleep_hours is None:
        return 0, 1
    points = 0 if 6 <= sleep_hours <= 9 else 1
    return points, points


def highest_of(rules):
    """Bounds of (truth, points) rules of which only the highest counts."""
    lower = upper = 0
    for truth, points in rules:
        if truth is not False:
            if points > upper:
                upper = points
            if truth and points > lower:
                lower = points
    return lower, upper


def nutrition_points(get, measured):
    loss_year = measured.loss_year
    protein = get("protein_daily")
    meals = get("three_meals_daily")
    unintended_loss = both(lost_over_5_percent(measured.weight, measured.loss_6_months), measured.loss_unintended)
    return highest_of((
        (bmi_below(measured.height, measured.weight, 185), 3),  # Gao 2021, OR 3.78
        (unintended_loss, 3),  # GLIM; Gao 2021, OR 2.99
        (None if loss_year is None else loss_year > 20, 2),  # MSRA, Rossi 2017: more than 2 kg in a year
        (None if protein is None else not protein, 1),  # Houston 2008
        (None if meals is None else not meals, 1),  # MSRA, Rossi 2017
    ))


def vitamin_d_points(vitamin_d, laboratory_asked):
    """Visser 2003, one tier down: below 25 nmol/L. A laboratory value that was not requested is not an open item."""
    if vitamin_d is None:
        return (0, 2) if laboratory_asked else (0, 0)
    return (2, 2) if vitamin_d < 25 else (0, 0)


def immobility_points(stays, bed_rest_days):
    return highest_of((
        (None if bed_rest_days is None else bed_rest_days >= 10, 2),  # bed-rest study 2015
        (None if stays is None else stays >= 2, 2),  # MSRA, Rossi 2017; Wan 2023
        (None if stays is None else stays == 1, 1),
    ))


def set_points(chosen, points):
    if chosen is None:
        return 0, sum(points.values())
    total = sum(points[option] for option in set(chosen))
    return total, total


def condition_points(conditions):
    lower, upper = set_points(conditions, CONDITION_POINTS)
    return min(CONDITIONS_CAP, lower), min(CONDITIONS_CAP, upper)


def medication_points(medications, count):
    lower, upper = set_points(medications, MEDICATION_POINTS)
    if count is None:
        upper += POLYPHARMACY_POINTS
    elif count >= 5:
        lower += POLYPHARMACY_POINTS
        upper += POLYPHARMACY_POINTS
    return min(MEDICATIONS_CAP, lower), min(MEDICATIONS_CAP, upper)


def own_score(get, measured, sarc_f, laboratory_asked):
    """The total of the service's own rules. The SARC-F items count as in SARC-F."""
    lower, upper = sarc_f
    for item, table in OWN_SCORE_ITEMS:
        low, high = table[get(item)]
        lower += low
        upper += high
    for low, high in (
        age_points(measured.age),
        sleep_points(get("sleep_hours")),
        nutrition_points(get, measured),
        vitamin_d_points(get("vitamin_d_nmol_l"), laboratory_asked),
        immobility_points(measured.stays, get("bed_rest_days_past_year")),
        condition_points(get("conditions")),
        medication_points(get("medications"), get("medication_count")),
    ):
        lower += low
        upper += high
    return lower, upper


def band(points):
    """Judgement: moderate from 6, high from 11."""
    return "low" if points < 6 else "moderate" if points < 11 else "high"


# ---------------------------------------------------------------------------------------------------------
# Instruments


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


# Positive results of these flag a submission; the two MSRA scores are only shown.
FLAGGING_INSTRUMENTS = ("finger_ring", "ishii", "sarc_calf", "sarc_f", "sarc_f_ebm", "sppb")  # sorted


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


def at_cut_off(bounds, cut_off):
    """A sum instrument as a case-finding test: its cut-off alone, at any age."""
    if bounds[0] >= cut_off:
        return True
    return False if bounds[1] < cut_off else None


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
# Red flags and care level

LEVELS = ("self_care", "consultation", "consultation_24h", "emergency", "emergency_ambulance")  # low to high
RANK = {level: rank for rank, level in enumerate(LEVELS)}

ALARM_ITEMS = (
    "new_breathing_trouble", "new_swallowing_or_speech_trouble", "new_face_droop_or_double_vision",
    "new_one_sided_weakness", "weakness_worsening_over_days", "muscle_pain", "dark_urine",
    "cannot_bear_weight_after_fall", "head_injury_or_confusion_after_fall", "could_not_get_up_after_fall",
    "new_bladder_or_bowel_loss_or_saddle_numbness", "fever_or_rash_with_weakness", "high_dose_steroids",
    "palpitations",
)

# One alarm item that alone is a red flag
LONE_ALARMS = (
    ("new_breathing_trouble", "emergency_ambulance"),  # neuromuscular respiratory failure
    ("new_swallowing_or_speech_trouble", "emergency_ambulance"),  # bulbar signs
    ("new_face_droop_or_double_vision", "emergency_ambulance"),  # bulbar signs, stroke
    ("new_one_sided_weakness", "emergency_ambulance"),  # stroke
    ("cannot_bear_weight_after_fall", "emergency_ambulance"),  # suspected hip fracture
    ("head_injury_or_confusion_after_fall", "emergency_ambulance"),
    ("weakness_worsening_over_days", "emergency"),  # Guillain-Barre pattern
    ("new_bladder_or_bowel_loss_or_saddle_numbness", "emergency"),  # cauda equina
    ("could_not_get_up_after_fall", "emergency"),  # long lie
    ("fever_or_rash_with_weakness", "consultation_24h"),  # myositis, infection
)


def ratio_above(value, limit, times):
    """Whether value / limit is above `times`; false while one of the two is missing."""
    return value is not None and limit is not None and value > times * limit


def symptom_red_flags(get, measured, creatine_kinase_above_5):
    """Levels of the red flags that flag a submission and are not a laboratory value alone.

    A red flag fires only if its condition is certain. These conditions contain no negation, so they are certain exactly if
    the given answers satisfy them.
    """
    fired = [level for item, level in LONE_ALARMS if get(item)]
    muscle_pain, dark_urine, steroids = get("muscle_pain"), get("dark_urine"), get("high_dose_steroids")
    weak = get("weakness") or get("weakness_worsening_over_days")
    if dark_urine and (muscle_pain or weak):  # rhabdomyolysis, Merck Manual 2023
        fired.append("emergency")
    if dark_urine and muscle_pain and "statin" in (get("medications") or ()):
        fired.append("emergency")
    if weak and get("palpitations"):  # electrolytes
        fired.append("emergency")
    if creatine_kinase_above_5 and (muscle_pain or dark_urine):  # Merck Manual 2023
        fired.append("emergency")
    if steroids and weak:  # acute steroid myopathy
        fired.append("consultation_24h")
    if measured.loss_unintended and lost_over_5_percent(measured.weight, measured.loss_6_months):  # GLIM
        fired.append("consultation_24h")
    return fired


def laboratory_red_flags(creatine_kinase_above_5, creatine_kinase_above_1, myoglobin_above_1):
    fired = []
    if creatine_kinase_above_5:  # Merck Manual 2023
        fired.append("consultation_24h")
    if creatine_kinase_above_1:  # clinic
        fired.append("consultation")
    if myoglobin_above_1:  # clinic
        fired.append("consultation")
    return fired


def alarm_sign(get):
    """A sign that matters only together with another one: it gives a consultation, but no flag."""
    return get("muscle_pain") or get("dark_urine") or get("high_dose_steroids") or get("palpitations")


def given_without_limit(value, limit):
    return value is not None and limit is None and value > 0


def loss_half_met(measured):
    """Unintended loss over 5 %: still unknown, though one half holds or a loss was given without the weight."""
    over_5, unintended = lost_over_5_percent(measured.weight, measured.loss_6_months), measured.loss_unintended
    if both(over_5, unintended) is not None:
        return False
    return over_5 is True or unintended is True or bool(over_5 is None and measured.loss_6_months)


def may_be_self_care(get, measured, creatine_kinase, creatine_kinase_limit, myoglobin, myoglobin_limit):
    """Called only if no red flag fired. Then every answered alarm item is "no" and the conditions on them are false; only the
    weight loss and a laboratory value without its limit can still be half met."""
    if None in [get(item) for item in ALARM_ITEMS]:
        return False
    return not (
        loss_half_met(measured)
        or given_without_limit(creatine_kinase, creatine_kinase_limit)
        or given_without_limit(myoglobin, myoglobin_limit)
    )


# ---------------------------------------------------------------------------------------------------------
# The whole result


def urgency(reasons, band_high, pathway_reasons, worst_rank):
    if reasons == 0:
        return None
    if worst_rank >= RANK["consultation_24h"]:
        return "today"
    if band_high or pathway_reasons or reasons >= 2:
        return "this_week"
    return "routine"


def calculate(answers, audience=("person",), asked_pathways=()):
    """The result of one set of answers, in the form that the service reports for comparison."""
    get = answers.get
    measured = Measured(get)
    ring_smaller = FINGER_RING_SMALLER[get("finger_ring")]

    sarc_f = sarc_f_bounds(get, measured.falls)
    sarc_calf = sarc_calf_bounds(sarc_f, measured)
    lower, upper = own_score(get, measured, sarc_f, "laboratory" in audience)
    by_instrument = instruments(get, measured, sarc_f, sarc_calf, ring_smaller)
    by_pathway = pathways(asked_pathways, get, measured, sarc_f, sarc_calf, ring_smaller)

    creatine_kinase, creatine_kinase_limit = get("creatine_kinase_u_l"), get("creatine_kinase_upper_limit_u_l")
    myoglobin, myoglobin_limit = get("myoglobin_ug_l"), get("myoglobin_upper_limit_ug_l")
    creatine_kinase_above_5 = ratio_above(creatine_kinase, creatine_kinase_limit, 5)
    symptoms = symptom_red_flags(get, measured, creatine_kinase_above_5)
    laboratory = laboratory_red_flags(
        creatine_kinase_above_5,
        ratio_above(creatine_kinase, creatine_kinase_limit, 1),
        ratio_above(myoglobin, myoglobin_limit, 1),
    )
    fired = symptoms + laboratory
    if alarm_sign(get):
        fired.append("consultation")
    fired.sort()

    band_at_least = band(lower)
    band_high = band_at_least == "high"
    flagging_instruments = [id_ for id_ in FLAGGING_INSTRUMENTS if by_instrument[id_]["outcome"] == "positive"]
    flagging_pathways = sorted(id_ for id_, found in by_pathway.items() if found["stage"] in FLAGGING_STAGES)
    reasons = band_high + len(flagging_instruments) + len(flagging_pathways) + len(symptoms) + len(laboratory)

    worst_rank = max([RANK[level] for level in fired], default=0)
    if reasons and worst_rank < RANK["consultation"]:
        worst_rank = RANK["consultation"]
    if worst_rank:
        care_level = LEVELS[worst_rank]
    elif may_be_self_care(get, measured, creatine_kinase, creatine_kinase_limit, myoglobin, myoglobin_limit):
        care_level = "self_care"
    else:
        care_level = None

    return {
        "total": lower,
        "lower": lower,
        "upper": upper,
        "band_at_least": band_at_least,
        "band_at_most": band(upper),
        "instruments": by_instrument,
        "pathways": by_pathway,
        "care_level": care_level,
        "flagged": reasons > 0,
        "flags": {
            "band": band_high,
            "instruments": flagging_instruments,
            "pathways": flagging_pathways,
            "laboratory": len(laboratory),
            "red_flags": len(symptoms),
        },
        "red_flag_levels": fired,
        "urgency": urgency(reasons, band_high, len(flagging_pathways), worst_rank),
    }
