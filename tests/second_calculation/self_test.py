"""Tests of the second calculation itself: worked vectors, known scoring bugs, red flags by hand and by formula, and
brute force over completions."""

import io
import itertools
import json
import math
import random
from collections import Counter
from fractions import Fraction

import calculation
import measured
from calculation import calculate, calculate_with_rules
from compare import OFTEN_ENOUGH, Unusable, compare_lines, differing_keys, identical, seldom
from measured import Measured
from random_answers import (
    ALARM_SIGNS, ALARMS, CHOICES, CONDITIONS, LABORATORY, MEDICATIONS, NO_ALARM, NUMBERS, PATHWAYS, random_answers,
    random_case,
)
from red_flags import FIGURES, RED_FLAGS, red_flags

SARC_F_ITEMS = ("carrying_difficulty", "walking_difficulty", "chair_rise_difficulty", "stair_difficulty")
STAFF_ASKED = ("person", "staff")
ALL_AUDIENCES = ("person", "staff", "laboratory")

GENERATOR = random.Random(4)

checks = 0


def equal(actual, expected, about=""):
    """Raises explicitly, because `assert` statements are removed by -O."""
    global checks
    checks += 1
    if not identical(expected, actual):
        raise AssertionError(f"{about}: expected {expected!r}, got {actual!r}")


def holds(condition, about):
    global checks
    checks += 1
    if not condition:
        raise AssertionError(about)


# ---------------------------------------------------------------------------------------------------------
# Small parts


def sarc_f_answers(points):
    """Answers with that SARC-F total, the difficulties first, then the falls."""
    answers, left = {}, points
    for item in SARC_F_ITEMS:
        given = min(2, left)
        answers[item] = ("none", "some", "a_lot_or_unable")[given]
        left -= given
    answers["falls_past_year"] = (0, 1, 4)[left]
    return answers


def instrument(id_, answers):
    return calculate(answers)["instruments"][id_]


def pathway(id_, answers):
    return calculate(answers, STAFF_ASKED, (id_,))["pathways"][id_]


def expect(id_, answers, outcome, total):
    found = instrument(id_, answers)
    equal((found["outcome"], found["total"]), (outcome, total), f"{id_} of {answers}")


def own(answers, audience=("person",)):
    result = calculate(answers, audience)
    return result["lower"], result["upper"]


EMPTY_UPPER = 43  # 44 without vitamin D, which was not requested


# ---------------------------------------------------------------------------------------------------------
# Instruments, worked vectors


def test_sarc_f():
    for points, outcome in ((0, "negative"), (3, "negative"), (4, "positive"), (10, "positive")):
        expect("sarc_f", sarc_f_answers(points) | {"age": 70}, outcome, points)
    for falls, points in ((0, 0), (1, 1), (3, 1), (4, 2), (365, 2)):
        expect("sarc_f", sarc_f_answers(0) | {"age": 70, "falls_past_year": falls}, "negative", points)
    expect("sarc_f", sarc_f_answers(10) | {"age": 59}, "not_applicable", 10)
    expect("sarc_f", sarc_f_answers(10) | {"age": 60}, "positive", 10)
    expect("sarc_f", sarc_f_answers(10), "undetermined", 10)


def test_sarc_calf():
    low, normal = {"sex": "male", "calf_circumference_cm": 34.0}, {"sex": "male", "calf_circumference_cm": 34.1}
    expect("sarc_calf", sarc_f_answers(0) | low | {"age": 70}, "negative", 10)
    expect("sarc_calf", sarc_f_answers(1) | low | {"age": 70}, "positive", 11)
    expect("sarc_calf", sarc_f_answers(10) | normal | {"age": 70}, "negative", 10)
    expect("sarc_f", sarc_f_answers(10) | normal | {"age": 70}, "positive", 10)
    for sex, calf, points in (
        ("female", 33.0, 11), ("female", 33.1, 1), ("female", 33.9, 1), ("male", 34.0, 11), ("male", 34.1, 1),
        (None, 33.0, 11), (None, 34.1, 1), (None, 36.0, 1), (None, 33.5, None), ("male", None, None),
    ):
        answers = sarc_f_answers(1) | {"age": 70, "sex": sex, "calf_circumference_cm": calf}
        equal(instrument("sarc_calf", answers)["total"], points, f"calf {calf} of {sex}")


def test_sarc_f_ebm():
    bmi_21, bmi_above = {"height_cm": 200.0, "weight_kg": 84.0}, {"height_cm": 200.0, "weight_kg": 84.1}
    expect("sarc_f_ebm", sarc_f_answers(2) | bmi_above | {"age": 75}, "positive", 12)
    expect("sarc_f_ebm", sarc_f_answers(1) | bmi_above | {"age": 75}, "negative", 11)
    expect("sarc_f_ebm", sarc_f_answers(0) | bmi_21 | {"age": 75}, "positive", 20)
    expect("sarc_f_ebm", sarc_f_answers(2) | bmi_21 | {"age": 74}, "positive", 12)
    expect("sarc_f_ebm", sarc_f_answers(10) | bmi_above | {"age": 74}, "negative", 10)
    open_bmi = instrument("sarc_f_ebm", sarc_f_answers(1) | {"age": 74, "weight_kg": 84.0})
    equal(open_bmi, {"outcome": "negative", "total": None, "lower": 1, "upper": 11}, "10 more points are not enough")
    heavy = instrument("sarc_f_ebm", sarc_f_answers(2) | {"age": 74, "weight_kg": 120.0})
    equal(heavy, {"outcome": "undetermined", "total": None, "lower": 2, "upper": 12}, "no height, so the BMI is open")


MSRA_BEST = {
    "age": 69, "hospital_stays_past_year": 0, "can_walk_1000_m": True, "three_meals_usually": True,
    "dairy_daily": True, "protein_daily": True, "weight_loss_past_year_kg": 2.0,
}
MSRA_WORST = {
    "age": 70, "hospital_stays_past_year": 2, "can_walk_1000_m": False, "three_meals_usually": False,
    "dairy_daily": False, "protein_daily": False, "weight_loss_past_year_kg": 2.1,
}


def test_msra():
    """Lower is worse."""
    expect("msra_7", MSRA_BEST, "negative", 40)
    expect("msra_5", MSRA_BEST, "negative", 60)
    expect("msra_7", MSRA_WORST, "positive", 0)
    expect("msra_5", MSRA_WORST, "positive", 0)
    # each item: its points in MSRA-7 and in MSRA-5, with one or the other exactly at its cut-off
    for item, value, msra_7, msra_5 in (
        ("age", 70, 35, 55), ("hospital_stays_past_year", 1, 35, 55), ("hospital_stays_past_year", 2, 30, 45),
        ("can_walk_1000_m", False, 35, 45), ("three_meals_usually", False, 35, 60), ("dairy_daily", False, 35, 60),
        ("protein_daily", False, 35, 45), ("weight_loss_past_year_kg", 2.1, 35, 50),
    ):
        answers = MSRA_BEST | {item: value}
        expect("msra_7", answers, "positive" if msra_7 <= 30 else "negative", msra_7)
        expect("msra_5", answers, "positive" if msra_5 <= 45 else "negative", msra_5)
    # open items: the worst possible completion decides "negative", the best decides "positive"
    equal(instrument("msra_7", MSRA_BEST | {"dairy_daily": None}),
          {"outcome": "negative", "total": None, "lower": 35, "upper": 40})
    equal(instrument("msra_5", MSRA_BEST | {"protein_daily": None}),
          {"outcome": "undetermined", "total": None, "lower": 45, "upper": 60})
    equal(instrument("msra_5", {"age": 70}), {"outcome": "undetermined", "total": None, "lower": 0, "upper": 55})


def test_sppb_and_finger_ring():
    for sppb, outcome in ((0, "positive"), (8, "positive"), (9, "negative"), (12, "negative")):
        equal(instrument("sppb", {"age": 60, "sppb": sppb}),
              {"outcome": outcome, "total": sppb, "lower": sppb, "upper": sppb})
    equal(instrument("sppb", {"age": 60}), {"outcome": "undetermined", "total": None, "lower": 0, "upper": 12})
    for age, ring, outcome in (
        (65, "smaller", "positive"), (65, "just_fits", "negative"), (65, "bigger", "negative"),
        (65, None, "undetermined"), (64, "smaller", "not_applicable"), (None, "smaller", "undetermined"),
    ):
        equal(instrument("finger_ring", {"age": age, "finger_ring": ring}),
              {"outcome": outcome, "total": None, "lower": None, "upper": None}, f"ring {ring} at {age}")


def test_first_age_of_each_instrument():
    for id_, age in (
        ("sarc_f", 60), ("sarc_calf", 60), ("sarc_f_ebm", 60), ("msra_7", 60), ("msra_5", 60), ("ishii", 65),
        ("finger_ring", 65), ("sppb", 60),
    ):
        equal(instrument(id_, {"age": age - 1})["outcome"], "not_applicable", f"{id_} at {age - 1}")
        equal(instrument(id_, {"age": age})["outcome"], "undetermined", f"{id_} at {age}")


ISHII_VECTORS = (
    ("male", 64, 50, 42, 0, False, 0.0000),
    ("male", 70, 35, 36, 77_910, False, 0.0162),
    ("male", 75, 28, 34, 111_920, True, 0.330),
    ("male", 80, 25, 32, 133_570, True, 0.811),
    ("female", 64, 34, 42, 0, False, 0.0000),
    ("female", 70, 22, 34, 92_120, False, 0.036),
    ("female", 75, 18, 33, 119_760, False, 0.372),
    ("female", 75, 16, 32, 133_220, True, 0.695),
    ("female", 80, 15, 31, 145_590, True, 0.887),
)


def ishii_by_formula(sex, age, grip, calf):
    """The printed formula in fractions of a point, from decimal text."""
    year, per_kg, grip_anchor, per_cm = {
        "male": ("0.62", "3.09", 50, "4.64"), "female": ("0.80", "5.09", 34, "3.28"),
    }[sex]
    return (Fraction(year) * (age - 64) - Fraction(per_kg) * (Fraction(str(grip)) - grip_anchor)
            - Fraction(per_cm) * (Fraction(str(calf)) - 42))


def ishii_probability(sex, thousandths):
    return 1 / (1 + math.exp(-(thousandths / 1000 / 10 - {"male": 11.9, "female": 12.5}[sex])))


def test_ishii():
    for sex, age, grip, calf, score, positive, probability in ISHII_VECTORS:
        outcome = "not_applicable" if age < 65 else "positive" if positive else "negative"
        answers = {"sex": sex, "age": age, "grip_strength_kg": grip, "calf_circumference_cm": calf}
        equal(instrument("ishii", answers), {"outcome": outcome, "total": score, "lower": score, "upper": score})
        holds(abs(ishii_probability(sex, score) - probability) < 0.0006, f"probability of {answers}")
    for sex, age, grip, calf, cut_off in (("male", 77, 39.2, 28.3, 105_000), ("female", 67, 15.6, 34.7, 120_000)):
        answers = {"sex": sex, "age": age, "grip_strength_kg": grip, "calf_circumference_cm": calf}
        expect("ishii", answers, "positive", cut_off)
        expect("ishii", answers | {"age": age - 1}, "negative", cut_off - {"male": 620, "female": 800}[sex])
        outcome = instrument("ishii", answers | {"calf_circumference_cm": 15})["outcome"]
        equal(outcome, "positive", "a thinner calf")
    generator = random.Random(5)
    for _ in range(2000):
        sex, age = generator.choice(("male", "female")), generator.randint(65, 120)
        grip, calf = generator.randint(0, 1000) / 10, generator.randint(150, 700) / 10
        found = instrument("ishii", {"sex": sex, "age": age, "grip_strength_kg": grip, "calf_circumference_cm": calf})
        exact = ishii_by_formula(sex, age, grip, calf)
        equal(found["total"], int(exact * 1000), "score in thousandths")
        holds(Fraction(found["total"], 1000) == exact, "no thousandth is lost")
        equal(found["outcome"], "positive" if exact >= {"male": 105, "female": 120}[sex] else "negative")


def test_ishii_open_items():
    equal(instrument("ishii", {"sex": "male", "age": 75, "grip_strength_kg": 28}),
          {"outcome": "undetermined", "total": None, "lower": 6_820 + 67_980 - 129_920, "upper": 74_800 + 125_280})
    found = instrument("ishii", {"age": 80, "grip_strength_kg": 15, "calf_circumference_cm": 31})
    equal((found["outcome"], found["total"]), ("positive", None), "positive for either sex")
    found = instrument("ishii", {"age": 75, "grip_strength_kg": 18, "calf_circumference_cm": 33})
    equal(found["outcome"], "undetermined", "just under for a woman, positive for a man")
    found = instrument("ishii", {"age": 77, "grip_strength_kg": 39.2, "calf_circumference_cm": 28.3})
    equal(found["outcome"], "undetermined", "a man would stand exactly on the cut-off, a woman far below it")
    found = instrument("ishii", {"sex": "male", "age": 80, "calf_circumference_cm": 32, "tests_unable": ["grip"]})
    equal((found["outcome"], found["total"]), ("undetermined", None), "unable is no number")
    equal(instrument("ishii", {})["outcome"], "undetermined")


def test_body_mass_index_is_exact():
    generator = random.Random(6)
    for _ in range(3000):
        height = generator.randint(1000, 2300)
        tenths = generator.choice((185, 200, 210, 220))
        weight = round(tenths * height * height / 1_000_000) + generator.randint(-1, 1)
        exact = Fraction(weight, 10) / Fraction(height, 1000) ** 2
        equal(measured.bmi_below(height, weight, tenths), exact < Fraction(tenths, 10))
        equal(measured.bmi_at_most(height, weight, tenths), exact <= Fraction(tenths, 10))
    for age, weight, points in (
        (50, 74.0, 1), (50, 73.9, 3), (69, 80.0, 0), (69, 79.9, 1), (70, 88.0, 0), (70, 87.9, 1), (None, 79.9, 1),
        (None, 80.0, (0, 1)), (None, 87.9, (0, 1)), (None, 88.0, 0), (None, 73.9, 3),
    ):
        bounds = own(SETTLED | {"age": age, "height_cm": 200.0, "weight_kg": weight})
        lower, upper = points if isinstance(points, tuple) else (points, points)
        by_age = {None: (0, 9), 50: (0, 0), 69: (3, 3), 70: (6, 6)}[age]
        equal(bounds, (lower + by_age[0], upper + by_age[1]), f"{weight} kg at {age}")


# ---------------------------------------------------------------------------------------------------------
# Own score

SETTLED = (
    sarc_f_answers(0) | NO_ALARM
    | {item: False for item in (
        "muscle_shrinkage", "weakness", "balance_trouble", "smoker", "muscle_injury_or_surgery",
        "fracture_from_fall", "weight_loss_unintended",
    )}
    | {
        "age": 50, "fatigue": "rarely", "activity": "vigorous", "sleep_hours": 7.5, "height_cm": 175.0,
        "weight_kg": 75.0, "weight_loss_past_year_kg": 0, "weight_loss_6_months_kg": 0, "protein_daily": True,
        "three_meals_usually": True, "hospital_stays_past_year": 0, "bed_rest_days_past_year": 0, "conditions": [],
        "medications": [], "regular_medication_count": 0,
    }
)


def test_own_score_ends():
    equal(own({}), (0, EMPTY_UPPER), "nothing answered")
    equal(own({}, ALL_AUDIENCES), (0, 44), "the maximum")
    equal(own(SETTLED), (0, 0), "nothing found")
    equal(own(SETTLED, ALL_AUDIENCES), (0, 1), "vitamin D is open once the laboratory is asked")
    everything = SETTLED | sarc_f_answers(10) | {
        "age": 80, "muscle_shrinkage": True, "weakness": True, "fatigue": "often", "balance_trouble": True,
        "activity": "inactive", "smoker": True, "sleep_hours": 5.5, "weight_kg": 40.0, "vitamin_d_nmol_l": 24,
        "bed_rest_days_past_year": 10, "conditions": list(CONDITIONS), "muscle_injury_or_surgery": True,
        "fracture_from_fall": True, "medications": list(MEDICATIONS[:4]), "regular_medication_count": 5,
    }
    equal(own(everything), (44, 44), "all of it")


def test_own_score_rules():
    for changes, points in (
        ({"age": 59}, 0), ({"age": 60}, 3), ({"age": 69}, 3), ({"age": 70}, 6), ({"age": 79}, 6), ({"age": 80}, 9),
        ({"stair_difficulty": "some"}, 1), ({"stair_difficulty": "a_lot_or_unable"}, 2),
        ({"falls_past_year": 3}, 1), ({"falls_past_year": 4}, 2), ({"muscle_shrinkage": True}, 2),
        ({"fatigue": "sometimes"}, 0), ({"fatigue": "often"}, 1), ({"activity": "inactive"}, 2),
        ({"activity": "light"}, 1), ({"activity": "moderate"}, 0), ({"sleep_hours": 5.5}, 1),
        ({"sleep_hours": 6}, 0), ({"sleep_hours": 9}, 0), ({"sleep_hours": 9.5}, 1),
        ({"protein_daily": False}, 1), ({"protein_daily": False, "three_meals_usually": False}, 1),
        ({"weight_loss_past_year_kg": 2.0}, 0), ({"weight_loss_past_year_kg": 2.1, "protein_daily": False}, 2),
        ({"weight_loss_6_months_kg": 4, "weight_kg": 76, "weight_loss_unintended": True}, 0),  # 5 % exactly
        ({"weight_loss_6_months_kg": 4, "weight_kg": 75.9, "weight_loss_unintended": True}, 3),
        ({"weight_loss_6_months_kg": 4, "weight_kg": 75.9, "weight_loss_unintended": False}, 0),
        ({"vitamin_d_nmol_l": 24}, 1), ({"vitamin_d_nmol_l": 25}, 0), ({"bed_rest_days_past_year": 9}, 0),
        ({"bed_rest_days_past_year": 10, "hospital_stays_past_year": 2}, 2), ({"hospital_stays_past_year": 1}, 1),
        ({"hospital_stays_past_year": 2}, 2),
        ({"conditions": ["osteoporosis"]}, 2), ({"conditions": ["osteoporosis", "cancer", "stroke"]}, 4),
        ({"conditions": ["parkinsons_disease", "liver_cirrhosis"]}, 3), ({"medication_count": 9}, 0),
        ({"conditions": ["depression", "copd"]}, 2), ({"medications": ["statin", "other"]}, 0),
        ({"medications": ["none_of_these"], "regular_medication_count": 4}, 0), ({"regular_medication_count": 5}, 2),
        ({"medications": ["chemotherapy_past_year", "systemic_corticosteroid_3_weeks"]}, 4),
        ({"medications": ["chemotherapy_past_year", "loop_diuretic"], "regular_medication_count": 9}, 4),
        ({"medications": ["loop_diuretic", "proton_pump_inhibitor", "sulfonylurea_or_glinide"]}, 2),
        ({"cold_intolerance": True, "strength_training_days": 0, "finger_ring": "smaller", "sppb": 0}, 0),
    ):
        equal(own(SETTLED | changes), (points, points), f"points of {changes}")


def test_each_condition_and_medication():
    conditions = {name: 1 for name in CONDITIONS} | {
        "osteoporosis": 2, "cancer": 2, "cognitive_impairment": 2, "other_neuromuscular_disease": 2,
        "parkinsons_disease": 2, "rheumatoid_arthritis": 0, "none_of_these": 0,
    }
    medications = {name: 0 for name in MEDICATIONS} | {
        "systemic_corticosteroid_3_weeks": 2, "chemotherapy_past_year": 2, "loop_diuretic": 1,
        "sulfonylurea_or_glinide": 1,
    }
    for item, points in (("conditions", conditions), ("medications", medications)):
        for name, expected in points.items():
            equal(own(SETTLED | {item: [name]})[0], expected, name)
            equal(own(SETTLED | {item: [name, name]})[0], expected, f"{name} named twice")
    for item, name in (("conditions", "neuromuscular_disease"), ("medications", "systemic_corticosteroid"),
                       ("medications", "chemotherapy")):
        try:
            own(SETTLED | {item: [name]})
        except KeyError:
            holds(True, name)
        else:
            raise AssertionError(f"{name} belongs to an older table")


def test_own_score_open_items():
    for opened, upper in (
        ({"age": None}, 9), ({"fatigue": None}, 1), ({"activity": None}, 2), ({"sleep_hours": None}, 1),
        ({"conditions": None}, 4), ({"medications": None}, 4), ({"regular_medication_count": None}, 2),
        ({"weight_kg": None}, 3), ({"weight_loss_unintended": None}, 0), ({"weight_loss_past_year_kg": None}, 2),
        ({"hospital_stays_past_year": None}, 2), ({"stair_difficulty": None}, 2),
        ({"medications": ["systemic_corticosteroid_3_weeks", "loop_diuretic"], "regular_medication_count": None},
         (3, 4)),
        ({"weight_loss_6_months_kg": 5, "weight_loss_unintended": None}, 3),
        ({"weight_loss_6_months_kg": None, "weight_loss_unintended": False}, 0),
        ({"three_meals_usually": False, "protein_daily": None}, (1, 1)),
    ):
        bounds = upper if isinstance(upper, tuple) else (0, upper)
        equal(own(SETTLED | opened), bounds, f"bounds with {opened}")


def test_bands():
    for points, name in ((0, "low"), (9, "low"), (10, "moderate"), (14, "moderate"), (15, "high"), (44, "high")):
        equal(calculation.band(points), name)


def test_scored_rules():
    """The rules that are certain are counted, in a group whose highest counts too."""
    none = {"age_under_60", "carrying_none", "walking_none", "chair_rise_none", "stairs_none", "falls_0",
            "activity_moderate_or_vigorous", "sleep_6_to_9"}
    for changes, expected in (
        ({}, none),
        ({"age": 80}, none - {"age_under_60"} | {"age_80_and_over"}),
        ({"falls_past_year": 4}, none - {"falls_0"} | {"falls_4_and_more"}),
        ({"sleep_hours": 9.5, "fatigue": "often"}, none - {"sleep_6_to_9"} | {"sleep_over_9", "fatigue_often"}),
        ({"weight_kg": 50.0, "protein_daily": False, "three_meals_usually": False},
         none | {"bmi_under_18_5", "bmi_low_for_age", "protein_not_daily", "meals_skipped"}),
        ({"weight_kg": None, "carrying_difficulty": None}, none - {"carrying_none"}),
        ({"conditions": ["stroke", "rheumatoid_arthritis"], "medications": ["statin"]}, none | {"stroke"}),
        ({"hospital_stays_past_year": 2, "bed_rest_days_past_year": 10},
         none | {"hospital_stays_2_and_more", "bed_rest_10_days"}),
    ):
        rules = calculate_with_rules(SETTLED | changes, ("person",), ())[1]
        equal(sorted(rules), sorted(expected), f"rules of {changes}")
    everything = {rule for _ in range(3000) for rule in calculate_with_rules(*random_case(GENERATOR))[1]}
    equal(sorted(everything), sorted(calculation.SCORED_RULES), "every rule can fire, and has one name")


# ---------------------------------------------------------------------------------------------------------
# Pathways


def test_cut_offs_of_the_pathways():
    """The printed comparators, each at its cut-off and one step to either side."""
    for id_, criterion, item, sex, low, not_low in (
        ("ewgsop2", "strength_low", "grip_strength_kg", "male", 26.9, 27.0),
        ("ewgsop2", "strength_low", "grip_strength_kg", "female", 15.9, 16.0),
        ("ewgsop2", "strength_low", "five_chair_stands_s", "male", 15.01, 15.0),
        ("ewgsop2", "performance_low", "gait_speed_m_s", "male", 0.8, 0.81),
        ("ewgsop2", "performance_low", "sppb", "male", 8, 9),
        ("ewgsop2", "performance_low", "timed_up_and_go_s", "male", 20.0, 19.99),
        ("awgs_2019", "strength_low", "grip_strength_kg", "male", 27.9, 28.0),
        ("awgs_2019", "strength_low", "grip_strength_kg", "female", 17.9, 18.0),
        ("awgs_2019", "strength_low", "five_chair_stands_s", "male", 12.0, 11.99),
        ("awgs_2019", "performance_low", "gait_speed_m_s", "male", 0.99, 1.0),
        ("awgs_2019", "performance_low", "sppb", "male", 9, 10),
        ("awgs_2025", "strength_low", "grip_strength_kg", "male", 27.9, 28.0),
        ("awgs_2025", "strength_low", "grip_strength_kg", "female", 17.9, 18.0),
        ("sdoc", "strength_low", "grip_strength_kg", "male", 35.4, 35.5),
        ("sdoc", "strength_low", "grip_strength_kg", "female", 19.9, 20.0),
        ("sdoc", "performance_low", "gait_speed_m_s", "male", 0.79, 0.8),
    ):
        passed = {
            "grip_strength_kg": 60, "five_chair_stands_s": 8, "gait_speed_m_s": 2, "sppb": 12, "timed_up_and_go_s": 8,
            "age": 70, "sex": sex,
        }
        equal(pathway(id_, passed | {item: low})[criterion], True, f"{id_} {item} {low}")
        equal(pathway(id_, passed | {item: not_low})[criterion], False, f"{id_} {item} {not_low}")
        alone = pathway(id_, {"age": 70, "sex": sex, item: not_low})[criterion]
        tests = 1 if id_ in ("awgs_2025", "sdoc") else 2
        equal(alone, False if tests == 1 else None, f"{id_} with only {item} measured")


def test_awgs_2025_by_age():
    for age, sex, grip, low in (
        (49, "male", 10, False), (50, "male", 33.9, True), (50, "male", 34, False), (64, "female", 19.9, True),
        (64, "female", 20, False), (65, "male", 28, False), (65, "female", 18, False), (65, "female", 17.9, True),
        (None, "male", 27.9, True), (None, "male", 28, None), (None, "male", 34, False), (64, None, 25, None),
        (None, None, 17.9, True), (None, None, 34, False), (None, None, 20, None), (70, "male", None, None),
    ):
        found = pathway("awgs_2025", {"age": age, "sex": sex, "grip_strength_kg": grip})
        equal(found["strength_low"], low, f"grip {grip} of {sex} at {age}")


def test_case_finding():
    nothing = sarc_f_answers(0) | {
        "age": 70, "sex": "female", "calf_circumference_cm": 36, "finger_ring": "bigger", "conditions": [],
        "weight_loss_past_year_kg": 0, "weight_loss_6_months_kg": 0,
    }
    for changes, found in (
        ({}, (False, False, False)),
        ({"calf_circumference_cm": 33.0}, (False, False, False)),  # low for SARC-CalF only; its 10 points are below 11
        ({"calf_circumference_cm": 33.0, "falls_past_year": 1}, (False, True, True)),
        ({"calf_circumference_cm": 32.9}, (False, True, True)),
        ({"sex": None, "calf_circumference_cm": 33.5}, (False, None, None)),
        ({"sex": "male", "calf_circumference_cm": 34.0}, (False, False, False)),
        ({"sex": "male", "calf_circumference_cm": 33.9}, (False, True, True)),
        (sarc_f_answers(4), (True, True, True)),
        ({"finger_ring": "smaller"}, (False, False, True)), ({"finger_ring": None}, (False, False, None)),
        ({"conditions": ["copd"]}, (False, False, True)), ({"conditions": ["cancer"]}, (False, False, False)),
        ({"falls_past_year": 2}, (False, False, True)), ({"falls_past_year": None}, (False, False, None)),
        ({"weight_loss_past_year_kg": 0.1}, (False, False, None)),
        ({"weight_loss_past_year_kg": 0.1, "weight_loss_unintended": True}, (False, False, True)),
        ({"weight_loss_6_months_kg": 0.1, "weight_loss_unintended": True}, (False, False, True)),
        ({"weight_loss_unintended": True}, (False, False, False)),
        ({"weight_loss_past_year_kg": None, "weight_loss_unintended": True}, (False, False, None)),
    ):
        for id_, expected in zip(("ewgsop2", "awgs_2019", "awgs_2025"), found):
            equal(pathway(id_, nothing | changes)["case_found"], expected, f"{id_} case with {changes}")
    equal(pathway("sdoc", nothing)["case_found"], None)
    equal(pathway("ewgsop2", sarc_f_answers(4) | {"age": 30})["case_found"], True, "the cut-off alone, at any age")


def test_stages():
    weak = {"sex": "male", "grip_strength_kg": 10}
    for id_, first_age, own_stage in (
        ("ewgsop2", 60, "probable"), ("awgs_2019", 60, "possible"), ("awgs_2025", 50, "possible"),
    ):
        found = sarc_f_answers(4)
        equal(pathway(id_, weak | {"age": first_age})["stage"], own_stage, "whatever the case finding said")
        equal(pathway(id_, weak | {"age": first_age - 1})["stage"], "not_applicable")
        equal(pathway(id_, weak)["stage"], "none_found_yet", "without the age")
        equal(pathway(id_, found | {"age": first_age})["stage"], "at_risk")
        equal(pathway(id_, {"age": first_age})["stage"], "none_found_yet")
        equal(pathway(id_, {"age": first_age, "tests_unable": ["grip"]})["stage"], own_stage, "unable")
    for gait, stage in ((0.79, "criteria_met"), (0.8, "none_found_yet"), (None, "none_found_yet")):
        equal(pathway("sdoc", weak | {"age": 65, "gait_speed_m_s": gait})["stage"], stage, f"gait {gait}")
    equal(pathway("sdoc", {"age": 65, "tests_unable": ["grip", "gait"]})["stage"], "criteria_met")
    for id_, name, criterion in (
        ("ewgsop2", "chair_stands", "strength_low"), ("awgs_2019", "chair_stands", "strength_low"),
        ("ewgsop2", "gait", "performance_low"), ("ewgsop2", "timed_up_and_go", "performance_low"),
        ("awgs_2019", "gait", "performance_low"),
    ):
        equal(pathway(id_, {"age": 70, "tests_unable": [name]})[criterion], True, f"unable {name}")
    equal(pathway("awgs_2019", {"age": 70, "tests_unable": ["timed_up_and_go"]})["performance_low"], None)
    asked = calculate({}, ALL_AUDIENCES, ("sdoc", "ewgsop2"))["pathways"]
    equal(sorted(asked), ["ewgsop2", "sdoc"], "only those asked")


# ---------------------------------------------------------------------------------------------------------
# Red flags, worked by hand

# Answers without any red flag; each case changes the answers under test. 70 years is not near an age limit of a red flag.
QUIET = sarc_f_answers(0) | NO_ALARM | {
    "age": 70, "sex": "male", "weakness": False, "muscle_shrinkage": False, "fatigue": "rarely", "conditions": [],
    "medications": [], "weight_kg": 80.0, "weight_loss_past_year_kg": 0, "weight_loss_6_months_kg": 0,
    "weight_loss_unintended": False,
}


def state(answers):
    """(what fires, what is half met, the missing figures), each as a sorted list."""
    fired, halves, missing = red_flags(Measured(answers.get, ("person",)))
    return sorted(flag.id for flag in fired), sorted(flag.id for flag in halves), sorted(missing)


# An alarm item that is a red flag of its own
ALONE = {
    "breathing_trouble": "new_breathing_trouble_or_chest_pain",
    "swallowing_or_speech_trouble": "new_swallowing_or_speech_trouble",
    "face_droop_or_sight_loss": "new_face_droop_or_sight_loss",
    "one_sided_weakness": "new_one_sided_weakness",
    "cannot_bear_weight": "cannot_bear_weight_after_fall",
    "new_confusion": "new_confusion",
    "limb_weakness_within_days": "limb_weakness_within_days",
    "bladder_bowel_or_saddle": "new_bladder_bowel_or_saddle_trouble",
    "long_lie": "long_lie_after_fall",
    "dark_urine": "dark_urine",
    "weakness_over_weeks": "weakness_over_weeks",
    "fever_or_rash_with_weakness": "fever_or_rash_with_weakness",
    "muscle_pain": "muscle_pain",
    "palpitations": "palpitations",
    "high_dose_steroids": "high_dose_steroids",
}

CK, CK_LIMIT = "creatine_kinase_u_l", "creatine_kinase_upper_limit_u_l"
MYO, MYO_LIMIT = "myoglobin_ug_l", "myoglobin_upper_limit_ug_l"
HIT, LATER, UNWELL = ({"head_injury": kind} for kind in ("hit", "hit_with_later_signs", "hit_and_still_unwell"))
WEAK, PAIN, DARK = {"weakness": True}, {"muscle_pain": True}, {"dark_urine": True}
PALPITATIONS, SHRINKAGE, STEROIDS = {"palpitations": True}, {"muscle_shrinkage": True}, {"high_dose_steroids": True}
LIMBS, WEEKS = {"limb_weakness_within_days": True}, {"weakness_over_weeks": True}
STATIN, THINNER = {"medications": ["statin"]}, {"medications": ["blood_thinner"]}
IMMUNE, PREDNISOLONE = {"medications": ["cancer_immunotherapy"]}, {"medications": ["systemic_corticosteroid_3_weeks"]}
HEADACHE = {"headache_jaw_or_scalp_pain": True}
KIDNEY, CANCER = {"conditions": ["chronic_kidney_disease"]}, {"conditions": ["cancer"]}
UNMEANT = {"weight_loss_unintended": True}


def ck(value, limit=None):
    return {CK: value, CK_LIMIT: limit}


def myo(value, limit=None):
    return {MYO: value, MYO_LIMIT: limit}


def half_year(lost, weight):
    return {"weight_loss_6_months_kg": lost, "weight_kg": weight}


def year(lost, weight):
    return {"weight_loss_past_year_kg": lost, "weight_kg": weight}


# (red flag, answers, all that fire; a change by one step, all that fire with it)
FIRES_AND_BESIDE = (
    ("head_injury_ambulance", UNWELL, ["head_injury_ambulance"], LATER, ["head_injury"]),
    ("head_injury", LATER, ["head_injury"], HIT, ["head_hit"]),
    ("head_hit", HIT, ["head_hit"], {"head_injury": "none"}, []),
    ("head_hit_on_blood_thinner", HIT | THINNER, ["head_hit", "head_hit_on_blood_thinner"], STATIN, ["head_hit"]),
    ("head_hit_on_blood_thinner", LATER | THINNER, ["head_hit_on_blood_thinner", "head_injury"], {"medications": []},
     ["head_injury"]),
    ("head_hit_on_blood_thinner", UNWELL | THINNER, ["head_hit_on_blood_thinner", "head_injury_ambulance"],
     {"head_injury": "none"}, []),

    ("dark_urine_with_muscle_trouble", DARK | WEAK, ["dark_urine", "dark_urine_with_muscle_trouble"],
     {"weakness": False}, ["dark_urine"]),
    ("dark_urine_with_muscle_trouble", DARK | PAIN, ["dark_urine", "dark_urine_with_muscle_trouble", "muscle_pain"],
     {"dark_urine": False}, ["muscle_pain"]),
    ("dark_urine_with_muscle_trouble", DARK | LIMBS,
     ["dark_urine", "dark_urine_with_muscle_trouble", "limb_weakness_within_days"],
     {"limb_weakness_within_days": False}, ["dark_urine"]),
    ("dark_urine_with_muscle_trouble", DARK | WEEKS,
     ["dark_urine", "dark_urine_with_muscle_trouble", "weakness_over_weeks"],
     SHRINKAGE | {"weakness_over_weeks": False}, ["dark_urine"]),
    ("palpitations_with_weakness", PALPITATIONS | WEAK, ["palpitations", "palpitations_with_weakness"],
     {"weakness": False}, ["palpitations"]),
    ("palpitations_with_weakness", PALPITATIONS | WEEKS,
     ["palpitations", "palpitations_with_weakness", "weakness_over_weeks"], {"palpitations": False},
     ["weakness_over_weeks"]),
    ("palpitations_with_kidney_disease", PALPITATIONS | WEAK | KIDNEY,
     ["palpitations", "palpitations_with_kidney_disease", "palpitations_with_weakness"],
     {"conditions": ["heart_failure"]}, ["palpitations", "palpitations_with_weakness"]),
    ("palpitations_with_kidney_disease", PALPITATIONS | LIMBS | KIDNEY,
     ["limb_weakness_within_days", "palpitations", "palpitations_with_kidney_disease", "palpitations_with_weakness"],
     {"limb_weakness_within_days": False}, ["palpitations"]),

    # from 15,000 U/L; over 40 times; from 5,000 U/L with a sign; over 5 times or 1,000 U/L with dark urine
    ("creatine_kinase_emergency", ck(15_000, 1000),
     ["creatine_kinase_emergency", "creatine_kinase_high", "creatine_kinase_raised"],
     ck(14_999, 1000), ["creatine_kinase_high", "creatine_kinase_raised"]),
    ("creatine_kinase_emergency", ck(15_000), ["creatine_kinase_emergency", "creatine_kinase_high"], ck(14_999),
     ["creatine_kinase_high"]),
    ("creatine_kinase_emergency", ck(8001, 200),
     ["creatine_kinase_emergency", "creatine_kinase_high", "creatine_kinase_raised"],
     ck(8000, 200), ["creatine_kinase_high", "creatine_kinase_raised"]),
    ("creatine_kinase_emergency", ck(5000, 1000) | WEAK,
     ["creatine_kinase_emergency", "creatine_kinase_high", "creatine_kinase_raised"],
     ck(4999, 1000), ["creatine_kinase_high", "creatine_kinase_raised"]),
    ("creatine_kinase_emergency", ck(5000) | PAIN,
     ["creatine_kinase_emergency", "creatine_kinase_high", "muscle_pain"], {"muscle_pain": False},
     ["creatine_kinase_high"]),
    ("creatine_kinase_emergency", ck(5000) | LIMBS,
     ["creatine_kinase_emergency", "creatine_kinase_high", "limb_weakness_within_days"],
     {"limb_weakness_within_days": False} | SHRINKAGE, ["creatine_kinase_high"]),
    ("creatine_kinase_emergency", ck(1001) | DARK,
     ["creatine_kinase_emergency", "creatine_kinase_high", "dark_urine"], {"dark_urine": False},
     ["creatine_kinase_high"]),
    ("creatine_kinase_emergency", ck(101, 20) | DARK,
     ["creatine_kinase_emergency", "creatine_kinase_high", "creatine_kinase_raised", "dark_urine"],
     ck(100, 20), ["creatine_kinase_raised", "dark_urine"]),
    ("creatine_kinase_high", ck(1001), ["creatine_kinase_high"], ck(1000), []),
    ("creatine_kinase_high", ck(1001, 1000), ["creatine_kinase_high"], ck(1000, 1000), []),
    ("creatine_kinase_high", ck(901, 180), ["creatine_kinase_high", "creatine_kinase_raised"], ck(900, 180),
     ["creatine_kinase_raised"]),
    ("creatine_kinase_raised", ck(301, 200), ["creatine_kinase_raised"], ck(300, 200), []),
    ("creatine_kinase_raised", ck(257, 171), ["creatine_kinase_raised"], ck(256, 171), []),  # 1.5 times is 256.5
    ("creatine_kinase_raised", ck(201, 200) | WEAK, ["creatine_kinase_raised"], ck(200, 200), []),
    ("creatine_kinase_raised", ck(201, 200) | SHRINKAGE, ["creatine_kinase_raised"], {"muscle_shrinkage": False}, []),
    ("creatine_kinase_raised", ck(201, 200) | PAIN, ["creatine_kinase_raised", "muscle_pain"], ck(200, 200),
     ["muscle_pain"]),
    ("myoglobin_high", myo(600, 500), ["myoglobin_high"], myo(599, 500), []),
    ("myoglobin_high", myo(600), ["myoglobin_high"], myo(599), []),
    ("myoglobin_high", myo(351, 70), ["myoglobin_high", "myoglobin_raised"], myo(350, 70), ["myoglobin_raised"]),
    ("myoglobin_high_with_symptom", myo(600) | WEAK, ["myoglobin_high", "myoglobin_high_with_symptom"], myo(599), []),
    ("myoglobin_high_with_symptom", myo(351, 70) | DARK,
     ["dark_urine", "myoglobin_high", "myoglobin_high_with_symptom", "myoglobin_raised"], myo(350, 70),
     ["dark_urine", "myoglobin_raised"]),
    ("myoglobin_high_with_symptom", myo(600) | PAIN, ["muscle_pain", "myoglobin_high", "myoglobin_high_with_symptom"],
     {"muscle_pain": False}, ["myoglobin_high"]),
    ("myoglobin_raised", myo(106, 70), ["myoglobin_raised"], myo(105, 70), []),
    ("myoglobin_raised", myo(107, 71), ["myoglobin_raised"], myo(106, 71), []),  # 1.5 times is 106.5

    # medicines
    ("statin_muscle_pain", STATIN | PAIN, ["muscle_pain", "statin_muscle_pain"], {"medications": ["other"]},
     ["muscle_pain"]),
    ("statin_muscle_pain_with_weakness", STATIN | PAIN | WEAK,
     ["muscle_pain", "statin_muscle_pain", "statin_muscle_pain_with_weakness"], {"weakness": False},
     ["muscle_pain", "statin_muscle_pain"]),
    ("statin_muscle_pain_with_weakness", STATIN | PAIN | WEEKS,
     ["muscle_pain", "statin_muscle_pain", "statin_muscle_pain_with_weakness", "weakness_over_weeks"],
     {"medications": ["loop_diuretic"]}, ["muscle_pain", "weakness_over_weeks"]),
    ("high_dose_steroids_with_weakness", STEROIDS | WEAK,
     ["high_dose_steroids", "high_dose_steroids_with_weakness"], {"weakness": False}, ["high_dose_steroids"]),
    ("immunotherapy_with_muscle_trouble", IMMUNE | ck(201, 200), ["immunotherapy_with_muscle_trouble"],
     ck(200, 200), []),
    ("immunotherapy_with_muscle_trouble", IMMUNE | WEAK, ["immunotherapy_with_muscle_trouble"],
     {"weakness": False}, []),
    ("immunotherapy_with_muscle_trouble", IMMUNE | PAIN, ["immunotherapy_with_muscle_trouble", "muscle_pain"],
     {"medications": ["chemotherapy_past_year"]}, ["muscle_pain"]),
    ("immunotherapy_with_muscle_trouble", IMMUNE | PALPITATIONS, ["immunotherapy_with_muscle_trouble", "palpitations"],
     {"palpitations": False} | SHRINKAGE, []),
    ("steroid_with_weakness", PREDNISOLONE | WEAK, ["steroid_with_weakness"], {"weakness": False}, []),
    ("steroid_with_weakness", PREDNISOLONE | SHRINKAGE, ["steroid_with_weakness"], {"medications": []}, []),
    ("steroid_with_weakness", PREDNISOLONE | {"stair_difficulty": "some"}, ["steroid_with_weakness"],
     {"stair_difficulty": "none", "walking_difficulty": "some"}, []),
    ("steroid_with_weakness", PREDNISOLONE | {"chair_rise_difficulty": "some"}, ["steroid_with_weakness"],
     {"chair_rise_difficulty": "none", "carrying_difficulty": "a_lot_or_unable"}, []),

    # headache, by age
    ("headache_jaw_or_scalp", HEADACHE | {"age": 50}, ["headache_jaw_or_scalp"], {"age": 49}, ["headache_under_50"]),
    ("headache_under_50", HEADACHE | {"age": 49}, ["headache_under_50"],
     {"headache_jaw_or_scalp_pain": False}, []),

    # difficulties and measurements
    ("function_lost", {"carrying_difficulty": "a_lot_or_unable", "stair_difficulty": "a_lot_or_unable"},
     ["function_lost"], {"stair_difficulty": "some"}, []),
    ("function_lost", {"walking_difficulty": "a_lot_or_unable", "chair_rise_difficulty": "a_lot_or_unable", "age": 18},
     ["function_lost", "sarc_f_under_60"], {"walking_difficulty": "some"}, []),
    ("sarc_f_under_60", {item: "some" for item in SARC_F_ITEMS} | {"age": 59}, ["sarc_f_under_60"], {"age": 60}, []),
    ("sarc_f_under_60", {item: "some" for item in SARC_F_ITEMS} | {"age": 59}, ["sarc_f_under_60"],
     {"stair_difficulty": "none"}, []),
    ("strength_measured_low", {"grip_strength_kg": 26.9}, ["strength_measured_low"], {"grip_strength_kg": 27.0}, []),
    ("strength_measured_low", {"sex": "female", "grip_strength_kg": 15.9, "age": 18}, ["strength_measured_low"],
     {"grip_strength_kg": 16.0}, []),
    ("strength_measured_low", {"five_chair_stands_s": 15.01}, ["strength_measured_low"],
     {"five_chair_stands_s": 15.0}, []),
    ("strength_measured_low", {"tests_unable": ["grip"]}, ["strength_measured_low"], {"tests_unable": []}, []),
    ("strength_measured_low", {"tests_unable": ["chair_stands"], "grip_strength_kg": 50},
     ["strength_measured_low"], {"tests_unable": ["none_of_these"]}, []),
    ("performance_measured_low", {"gait_speed_m_s": 0.8}, ["performance_measured_low"], {"gait_speed_m_s": 0.81}, []),
    ("performance_measured_low", {"sppb": 8}, ["performance_measured_low"], {"sppb": 9}, []),
    ("performance_measured_low", {"timed_up_and_go_s": 20.0}, ["performance_measured_low"],
     {"timed_up_and_go_s": 19.99}, []),
    ("performance_measured_low", {"tests_unable": ["gait"]}, ["performance_measured_low"], {"tests_unable": []}, []),
    ("performance_measured_low", {"tests_unable": ["timed_up_and_go"]}, ["performance_measured_low"],
     {"tests_unable": ["grip"]}, ["strength_measured_low"]),
    ("weakness_that_limits", WEAK | SHRINKAGE, ["weakness_that_limits"], {"weakness": False}, []),
    ("weakness_that_limits", WEAK | {"walking_difficulty": "some"}, ["weakness_that_limits"],
     {"walking_difficulty": "none", "stair_difficulty": "some", "carrying_difficulty": "some"}, []),
    ("weakness_that_limits", WEAK | {"chair_rise_difficulty": "some"}, ["weakness_that_limits"],
     {"chair_rise_difficulty": "none"}, []),
    ("weakness_that_limits", WEAK | {"carrying_difficulty": "a_lot_or_unable"}, ["weakness_that_limits"],
     {"carrying_difficulty": "some"}, []),
    ("weakness_that_limits", WEAK | {"stair_difficulty": "a_lot_or_unable"}, ["weakness_that_limits"],
     {"stair_difficulty": "some"}, []),
    ("weakness_that_limits", WEAK | CANCER | {"fatigue": "often"}, ["weakness_that_limits"],
     {"fatigue": "sometimes"}, []),
    ("weakness_that_limits", WEEKS | CANCER | {"fatigue": "often"}, ["weakness_over_weeks", "weakness_that_limits"],
     {"conditions": ["copd"]}, ["weakness_over_weeks"]),

    # weight
    ("unintended_loss", UNMEANT | half_year(4.0, 75.9), ["unintended_loss"], half_year(4.0, 76.0), []),
    ("unintended_loss", UNMEANT | year(4.0, 75.9), ["unintended_loss"], year(4.0, 76.0), []),
    ("unintended_loss", UNMEANT | year(4.6, 200.0), ["unintended_loss"], year(4.5, 200.0), []),
    ("unintended_loss", UNMEANT | half_year(4.6, 200.0), ["unintended_loss"], half_year(4.5, 200.0), []),
    ("unintended_loss", UNMEANT | year(4.6, None), ["unintended_loss"], {"weight_loss_unintended": False}, []),
    ("large_loss_with_weakness", WEAK | half_year(8.0, 71.9), ["large_loss_with_weakness"], half_year(8.0, 72.0), []),
    ("large_loss_with_weakness", SHRINKAGE | half_year(8.0, 71.9), ["large_loss_with_weakness"],
     {"muscle_shrinkage": False}, []),
    ("large_loss_with_weakness", WEAK | UNMEANT | half_year(8.0, 71.9), ["large_loss_with_weakness", "unintended_loss"],
     {"weakness": False}, ["unintended_loss"]),
)


def test_red_flags_that_are_one_answer():
    for id_, item in ALONE.items():
        equal(state(QUIET | {item: True})[0], [id_], id_)
        equal(state(QUIET | {item: False}), ([], [], []), f"{item} answered no")
        left_out = QUIET | {item: None, "falls_past_year": 1}
        fired, halves, missing = state(left_out)
        equal((fired, halves, missing), ([], [], []), f"{item} unanswered")
        equal(calculate(left_out)["care_level"], None, f"{item} unanswered")


def test_red_flags_fire_and_do_not():
    for id_, answers, expected, beside, expected_beside in FIRES_AND_BESIDE:
        holds(id_ in expected and id_ not in expected_beside, f"the case is about {id_}")
        equal(state(QUIET | answers)[0], expected, f"fires: {answers}")
        equal(state(QUIET | answers | beside)[0], expected_beside, f"beside: {answers | beside}")
    worked = set(ALONE) | {case[0] for case in FIRES_AND_BESIDE}
    equal(sorted(worked), sorted(flag.id for flag in RED_FLAGS), "each red flag is worked by hand")


def test_deciding_answer_missing():
    """(answers, what fires, what is half met, the missing figures)"""
    enzyme = [CK_LIMIT]
    open_kinase = ["creatine_kinase_emergency", "creatine_kinase_high", "creatine_kinase_raised"]
    for answers, *expected in (
        (THINNER | {"head_injury": None}, [], ["head_hit_on_blood_thinner"], []),
        (HIT | {"medications": None}, ["head_hit"], ["head_hit_on_blood_thinner"], []),
        ({"medications": None}, [], [], []),
        (DARK | {"weakness": None}, ["dark_urine"], ["dark_urine_with_muscle_trouble"], []),
        # weakness half meets a red flag that requires it together with another answer
        (WEAK | {"dark_urine": None}, [], ["dark_urine_with_muscle_trouble"], []),
        (WEAK | STATIN | {"muscle_pain": None}, [], ["statin_muscle_pain", "statin_muscle_pain_with_weakness"], []),
        (PALPITATIONS | WEAK | {"conditions": None}, ["palpitations", "palpitations_with_weakness"],
         ["palpitations_with_kidney_disease"], []),
        (PALPITATIONS | KIDNEY | {"weakness": None}, ["palpitations"],
         ["palpitations_with_kidney_disease", "palpitations_with_weakness"], []),
        (STATIN | PAIN | {"weakness": None}, ["muscle_pain", "statin_muscle_pain"],
         ["statin_muscle_pain_with_weakness"], []),
        (PAIN | {"medications": None}, ["muscle_pain"],
         ["immunotherapy_with_muscle_trouble", "statin_muscle_pain"], []),
        (STEROIDS | {"weakness": None}, ["high_dose_steroids"], ["high_dose_steroids_with_weakness"], []),
        (IMMUNE | {"weakness": None}, [], ["immunotherapy_with_muscle_trouble"], []),
        (WEAK | {"medications": None}, [], ["immunotherapy_with_muscle_trouble", "steroid_with_weakness"], []),
        (IMMUNE | ck(201), [], open_kinase + ["immunotherapy_with_muscle_trouble"], enzyme),
        (ck(201, 200) | {"medications": None}, [], ["immunotherapy_with_muscle_trouble"], []),
        (PREDNISOLONE | {"stair_difficulty": None}, [], ["steroid_with_weakness"], []),
        (HEADACHE | {"age": None}, [], ["headache_jaw_or_scalp", "headache_under_50"], []),
        ({"headache_jaw_or_scalp_pain": None, "age": 50}, [], [], []),

        (ck(8001), ["creatine_kinase_high"], ["creatine_kinase_emergency", "creatine_kinase_raised"], []),
        (ck(1000), [], open_kinase, enzyme),
        (ck(1), [], open_kinase, enzyme),
        (ck(0), [], [], []),
        (ck(0) | WEAK, [], ["creatine_kinase_emergency", "creatine_kinase_raised"], enzyme),
        (ck(101) | DARK, ["dark_urine"], open_kinase, enzyme),
        (ck(101) | PAIN | {"dark_urine": None}, ["muscle_pain"],
         [*open_kinase, "dark_urine_with_muscle_trouble"], enzyme),
        (ck(5000, 1000) | {"muscle_pain": None}, ["creatine_kinase_high", "creatine_kinase_raised"],
         ["creatine_kinase_emergency"], []),
        (ck(1001, 1000) | {"dark_urine": None}, ["creatine_kinase_high"], ["creatine_kinase_emergency"], []),
        (ck(201, 200) | {"weakness": None}, [], ["creatine_kinase_raised"], []),
        (ck(None, 200), [], [], []),
        (myo(599), [], ["myoglobin_high", "myoglobin_raised"], [MYO_LIMIT]),
        (myo(599) | WEAK, [], ["myoglobin_high", "myoglobin_high_with_symptom", "myoglobin_raised"], [MYO_LIMIT]),
        (myo(600), ["myoglobin_high"], ["myoglobin_raised"], []),
        (myo(600, 500) | {"weakness": None}, ["myoglobin_high"], ["myoglobin_high_with_symptom"], []),
        (myo(0), [], [], []),
        (myo(106) | ck(201), [], open_kinase + ["myoglobin_high", "myoglobin_raised"], [CK_LIMIT, MYO_LIMIT]),
        (myo(106) | ck(1001), ["creatine_kinase_high"],
         ["creatine_kinase_emergency", "creatine_kinase_raised", "myoglobin_high", "myoglobin_raised"], [MYO_LIMIT]),

        ({"carrying_difficulty": "a_lot_or_unable", "stair_difficulty": None}, [], ["function_lost"], []),
        ({"carrying_difficulty": "some", "stair_difficulty": None}, [], [], []),
        (WEAK | {"walking_difficulty": None}, [], ["weakness_that_limits"], []),
        ({"weakness": None, "walking_difficulty": "some"}, [], ["weakness_that_limits"], []),
        (WEAK | CANCER | {"fatigue": None}, [], ["weakness_that_limits"], []),
        (WEAK | {"conditions": None, "fatigue": "often"}, [], ["weakness_that_limits"], []),
        (sarc_f_answers(4) | {"age": None, "walking_difficulty": "some", "chair_rise_difficulty": "some"}, [],
         ["sarc_f_under_60"], []),
        (sarc_f_answers(2) | {"age": 59, "falls_past_year": None}, [], ["sarc_f_under_60"], []),
        (sarc_f_answers(1) | {"age": 59, "falls_past_year": None}, [], [], []),  # at most 3
        (sarc_f_answers(1) | {"age": 59, "falls_past_year": None, "stair_difficulty": None}, [],
         ["sarc_f_under_60"], []),
        (sarc_f_answers(0) | {"age": 59, "falls_past_year": None, "stair_difficulty": None}, [], [], []),
        (sarc_f_answers(2) | {"age": 70, "falls_past_year": None}, [], [], []),
        ({"age": 40, "falls_past_year": None, "stair_difficulty": None}, [], [], []),  # the age alone half meets nothing

        ({"sex": None, "grip_strength_kg": 16.0}, [], ["strength_measured_low"], ["sex"]),
        ({"sex": None, "grip_strength_kg": 26.9}, [], ["strength_measured_low"], ["sex"]),
        ({"sex": None, "grip_strength_kg": 15.9}, ["strength_measured_low"], [], []),
        ({"sex": None, "grip_strength_kg": 27.0}, [], [], []),
        ({"sex": None, "grip_strength_kg": 20.0, "gait_speed_m_s": 0.8}, ["performance_measured_low"],
         ["strength_measured_low"], ["sex"]),
        ({"sex": None, "grip_strength_kg": 20.0, "five_chair_stands_s": 15.01}, ["strength_measured_low"], [], []),

        (UNMEANT | half_year(4.0, None), [], ["unintended_loss"], ["weight_kg"]),
        (UNMEANT | half_year(4.6, None), ["unintended_loss"], [], []),
        (UNMEANT | half_year(0.1, None), [], ["unintended_loss"], ["weight_kg"]),
        (UNMEANT | year(0.1, None), [], ["unintended_loss"], ["weight_kg"]),
        (UNMEANT | half_year(0, None), [], [], []),  # without a loss, the weight does not matter
        (WEAK | half_year(0, None), [], [], []),
        ({"weight_loss_unintended": None} | half_year(4.0, 75.9), [], ["unintended_loss"], []),
        ({"weight_loss_unintended": None} | half_year(4.0, None), [], ["unintended_loss"], []),
        (UNMEANT | half_year(None, 80.0), [], ["unintended_loss"], []),
        (half_year(4.0, None), [], [], []),  # it was intended
        (half_year(9.0, None) | WEAK, [], ["large_loss_with_weakness"], ["weight_kg"]),
        (half_year(9.0, 71.9) | {"weakness": None}, [], ["large_loss_with_weakness"], []),
        (half_year(9.0, None) | {"weakness": None}, [], ["large_loss_with_weakness"], []),
        # a loss whose red flag fired needs no weight; another loss does
        (half_year(9.0, None) | WEAK | UNMEANT, ["unintended_loss"], ["large_loss_with_weakness"], []),
        (half_year(4.0, None) | {"weight_loss_past_year_kg": 4.6} | WEAK | UNMEANT, ["unintended_loss"],
         ["large_loss_with_weakness"], ["weight_kg"]),
    ):
        equal(state(QUIET | answers), tuple(map(sorted, expected)), f"with {answers}")


def test_what_was_not_measured():
    """A measurement or a laboratory value that was not taken leaves no red flag open, whichever form was shown."""
    for answers in ({}, WEAK, IMMUNE, SHRINKAGE):
        for audience in (("person",), STAFF_ASKED, ("person", "laboratory"), ALL_AUDIENCES):
            equal(state(QUIET | answers), ([], [], []), f"{answers}")
            equal(calculate(QUIET | answers, audience)["care_level"], "self_care", f"{answers} of {audience}")
    without_sex = QUIET | {"sex": None, "grip_strength_kg": 20.0}
    equal(state(without_sex)[2], ["sex"])
    equal(state(without_sex | {"five_chair_stands_s": 12.0})[2], ["sex"])


# ---------------------------------------------------------------------------------------------------------
# Care level, reasons, urgency


def test_levels_families_and_urgencies():
    """The lists of the specification, by level and by family."""
    by_level = {"emergency_ambulance": 6, "emergency": 10, "consultation_24h": 11, "consultation": 15}
    equal(dict(Counter(flag.level for flag in RED_FLAGS)), by_level)
    for flag in RED_FLAGS:
        if flag.level != "consultation":
            equal(flag.urgency, "today", flag.id)
    equal({flag.id for flag in RED_FLAGS if flag.urgency == "this_week"}, {
        "headache_under_50", "function_lost", "strength_measured_low", "steroid_with_weakness", "unintended_loss",
        "statin_muscle_pain",
    })
    for family, ids in {
        "symptoms": {"weakness_over_weeks", "function_lost", "sarc_f_under_60", "weakness_that_limits"},
        "measured": {"strength_measured_low", "performance_measured_low"},
        "weight": {"unintended_loss", "large_loss_with_weakness"},
        "medicine": {"statin_muscle_pain", "statin_muscle_pain_with_weakness", "high_dose_steroids_with_weakness",
                     "immunotherapy_with_muscle_trouble", "steroid_with_weakness"},
        "enzymes": {"creatine_kinase_emergency", "creatine_kinase_high", "creatine_kinase_raised", "myoglobin_high",
                    "myoglobin_high_with_symptom", "myoglobin_raised"},
        "signs": {"dark_urine", "head_hit", "palpitations_with_weakness", "fever_or_rash_with_weakness",
                  "headache_jaw_or_scalp", "headache_under_50", "muscle_pain", "palpitations", "high_dose_steroids"},
    }.items():
        equal({flag.id for flag in RED_FLAGS if flag.family == family}, ids, family)


def said(answers, audience=("person",), pathways=()):
    result = calculate(answers, audience, pathways)
    return result["care_level"], result["flag_reasons"], result["urgency"]


def test_reasons_and_urgency():
    some = {item: "some" for item in SARC_F_ITEMS}
    for answers, expected in (
        ({}, ("self_care", [], None)),
        # SARC-F alone, at the age of the instrument and below it: the same urgency at 59 and 61
        (some | {"age": 61}, ("consultation", ["instrument:sarc_f"], "routine")),
        (some | {"age": 59}, ("consultation", ["red_flag:sarc_f_under_60"], "routine")),
        # two reasons of one family are routine, reasons of two families are this_week
        (some | {"finger_ring": "smaller"},
         ("consultation", ["instrument:finger_ring", "instrument:sarc_f"], "routine")),
        (some | {"sppb": 8}, ("consultation", ["instrument:sarc_f", "instrument:sppb",
                                               "red_flag:performance_measured_low"], "this_week")),
        ({"sppb": 8}, ("consultation", ["instrument:sppb", "red_flag:performance_measured_low"], "routine")),
        (PAIN | PALPITATIONS, ("consultation", ["red_flag:muscle_pain", "red_flag:palpitations"], "routine")),
        (PAIN | ck(201, 200), ("consultation", ["laboratory:creatine_kinase_raised", "red_flag:muscle_pain"],
                               "this_week")),
        (ck(301, 200) | myo(106, 70),
         ("consultation", ["laboratory:creatine_kinase_raised", "laboratory:myoglobin_raised"], "routine")),
        # a missing figure and the band have no family
        (PAIN | myo(106), ("consultation", ["red_flag:muscle_pain", "value_missing:myoglobin_upper_limit_ug_l"],
                           "routine")),
        (ck(1000), ("consultation", ["value_missing:creatine_kinase_upper_limit_u_l"], "routine")),
        (ck(1001), ("consultation_24h", ["laboratory:creatine_kinase_high"], "today")),
        (UNMEANT | half_year(4.0, None), ("consultation", ["value_missing:weight_kg"], "routine")),
        ({"sex": None, "grip_strength_kg": 20.0}, ("consultation", ["value_missing:sex"], "routine")),
        (some | {"age": 80, "muscle_shrinkage": True}, ("consultation", ["band:high", "instrument:sarc_f"], "routine")),
        ({"grip_strength_kg": 26.9}, ("consultation", ["red_flag:strength_measured_low"], "this_week")),
        (UNMEANT | half_year(4.0, 75.9), ("consultation", ["red_flag:unintended_loss"], "this_week")),
        (DARK, ("consultation_24h", ["red_flag:dark_urine"], "today")),
        (LATER, ("emergency", ["red_flag:head_injury"], "today")),
        (UNWELL | THINNER, ("emergency_ambulance", ["red_flag:head_hit_on_blood_thinner",
                                                   "red_flag:head_injury_ambulance"], "today")),
    ):
        equal(said(QUIET | answers), expected, f"with {answers}")
    high = sarc_f_answers(10) | {"age": 59, "muscle_shrinkage": True, "activity": "inactive", "smoker": True}
    equal(said(high)[1:], (["band:high", "red_flag:function_lost", "red_flag:sarc_f_under_60"], "this_week"))
    old = {"age": 80, "falls_past_year": 4, "activity": "inactive", "smoker": True, "balance_trouble": True}
    equal(said(old)[1:], (["band:high"], "routine"))
    equal(calculate(old)["flags"],
          {"band": True, "instruments": [], "pathways": [], "laboratory": 0, "red_flags": 0})
    equal(said(old | {"balance_trouble": None})[1:], ([], None), "an open band flags nothing")
    weak = {"age": 70, "sex": "female", "grip_strength_kg": 17}
    staged = calculate(weak, STAFF_ASKED, ("sdoc", "ewgsop2", "awgs_2019"))
    equal(staged["flag_reasons"], ["pathway:awgs_2019"])
    equal((staged["urgency"], staged["care_level"]), ("this_week", "consultation"))
    equal(calculate(weak)["flagged"], False, "a pathway that is not asked for flags nothing")
    equal(calculate(sarc_f_answers(4) | {"age": 60}, STAFF_ASKED, ("ewgsop2",))["flags"]["pathways"], [], "at risk")
    equal(calculate(MSRA_WORST)["flags"]["instruments"], [], "MSRA is only shown")
    shown = calculate({"age": 75, "height_cm": 200.0, "weight_kg": 84.0})
    equal((shown["instruments"]["sarc_f_ebm"]["outcome"], shown["flags"]["instruments"]), ("positive", []), "and EBM")


def test_self_care():
    for changes, level in (
        ({}, "self_care"), ({"palpitations": None}, None), ({"head_injury": None}, None),
        ({"new_confusion": None}, None), (ck(0), "self_care"), (myo(0), "self_care"), (myo(50, 70), "self_care"),
        ({"cannot_bear_weight_after_fall": None, "long_lie_after_fall": None}, "self_care"),  # no fall
        ({"cannot_bear_weight_after_fall": None, "falls_past_year": 1}, None),
        ({"long_lie_after_fall": None, "falls_past_year": 1}, None),
        ({"long_lie_after_fall": None, "falls_past_year": None}, None),
        (UNMEANT | {"weight_loss_6_months_kg": None}, None),  # half met: the loss itself is open
        ({"weight_loss_6_months_kg": 0.1}, "self_care"),
        ({"weight_loss_6_months_kg": 0.1, "weight_kg": None, "weight_loss_unintended": None}, None),
        ({"weight_loss_6_months_kg": 0.1, "weight_loss_unintended": None}, "self_care"),
        ({"weight_loss_6_months_kg": 9, "weight_loss_unintended": None}, None),
        ({"age": None}, "self_care"), ({"sex": None, "age": 18}, "self_care"),
        ({"weakness": None}, "self_care"), ({"stair_difficulty": None, "age": 40}, "self_care"),
        (sarc_f_answers(2) | {"age": 40, "stair_difficulty": None}, None),
    ):
        equal(calculate(QUIET | changes)["care_level"], level, f"care level with {changes}")
    equal(calculate(NO_ALARM | {"age": 40})["care_level"], "self_care", "a healthy, unmeasured person")
    equal(calculate(QUIET, ALL_AUDIENCES)["care_level"], "self_care", "open laboratory values alone are not half met")
    equal(calculate({"age": 70})["care_level"], None, "nothing answered")


def test_persons_of_the_specification():
    """Section 6: the care level, whether the person is flagged, and the urgency."""
    hard = {item: "a_lot_or_unable" for item in SARC_F_ITEMS}
    staff, week = STAFF_ASKED, "this_week"
    intake = ("person", "staff", "laboratory")
    for about, answers, audience, level, urgency in (
        ("54, cannot do any of four, 4 falls", hard | {"age": 54, "falls_past_year": 4}, None, "consultation", week),
        ("55, measured low", {"age": 55, "grip_strength_kg": 8, "five_chair_stands_s": 40, "gait_speed_m_s": 0.4,
                              "sppb": 2}, staff, "consultation", week),
        ("59 on prednisolone for a year", PREDNISOLONE | WEAK | {
            "age": 59, "chair_rise_difficulty": "a_lot_or_unable", "stair_difficulty": "a_lot_or_unable"},
         None, "consultation", week),
        ("creatine kinase 50,000 without a limit", ck(50_000), intake, "emergency", "today"),
        ("creatine kinase 12,000, limit 200, weak", ck(12_000, 200) | WEAK, intake, "emergency", "today"),
        ("bodybuilder, 1,900 with limit 200, sore", ck(1900, 200) | PAIN | {"age": 45}, intake, "consultation_24h",
         "today"),
        ("known muscle disease, 3,000 with limit 200", ck(3000, 200) | WEAK | {"age": 52}, intake, "consultation_24h",
         "today"),
        ("66, lost 12 of 60 kg", UNMEANT | year(12.0, 48.0) | {"age": 66}, None, "consultation", week),
        ("66, lost 8 % in a year", UNMEANT | year(4.4, 50.6) | {"age": 66}, None, "consultation", week),
        ("79, hip fracture, 6.9 % lost", UNMEANT | half_year(4.4, 59.4) | {"age": 79, "fracture_from_fall": True},
         None, "consultation", week),
        ("statin, new muscle pain, weak", STATIN | PAIN | WEAK, None, "consultation_24h", "today"),
        ("68 on prednisolone, weak", PREDNISOLONE | WEAK | {"age": 68}, None, "consultation", week),
        ("72 on a GLP-1 agonist, 14 of 100 kg on purpose, weak",
         WEAK | half_year(14.0, 86.0) | {"age": 72, "weight_loss_past_year_kg": 14.0, "medications": ["glp1_agonist"]},
         None, "consultation", "routine"),
        ("74 on androgen deprivation, cancer, weak, tired often",
         WEAK | CANCER | {"age": 74, "fatigue": "often", "medications": ["androgen_deprivation"]},
         None, "consultation", "routine"),
        ("61 on dialysis, palpitations, weak", PALPITATIONS | WEAK | KIDNEY | {"age": 61}, None, "emergency", "today"),
        ("82, palpitations, weak", PALPITATIONS | WEAK | {"age": 82}, None, "consultation_24h", "today"),
        ("a fall, helped up, unhurt", {"falls_past_year": 1}, None, "self_care", None),
        ("80 on clopidogrel, bumped head", HIT | THINNER | {"age": 80}, None, "emergency", "today"),
        ("83, one fall, stairs some", {"age": 83, "falls_past_year": 1, "stair_difficulty": "some"}, None, "self_care",
         None),
        ("91, wheelchair for years", {"age": 91, "walking_difficulty": "a_lot_or_unable",
                                      "stair_difficulty": "a_lot_or_unable"}, None, "consultation", week),
        ("40, well, one difficulty unanswered", {"age": 40, "walking_difficulty": None}, None, "self_care", None),
        ("48, weaker from week to week", WEEKS | {"age": 48}, None, "consultation_24h", "today"),
        ("63 on nivolumab, weak", IMMUNE | WEAK | {"age": 63}, None, "consultation_24h", "today"),
        ("no sex, grip 20 kg", {"sex": None, "grip_strength_kg": 20.0}, None, "consultation", "routine"),
    ):
        result = calculate(QUIET | answers, audience or ("person",), ("ewgsop2",))
        found = result["care_level"], result["flagged"], result["urgency"]
        equal(found, (level, urgency is not None, urgency), about)


# ---------------------------------------------------------------------------------------------------------
# Scoring bugs known from other systems, by their number in the clinical reference (3 is about storing a result)


def test_known_bugs():
    for points, outcome in ((0, "negative"), (3, "negative"), (4, "positive"), (10, "positive")):
        expect("sarc_f", sarc_f_answers(points) | {"age": 70}, outcome, points)  # 1, inverted; 5, drift to 11
    woman = {"age": 70, "sex": "female", "grip_strength_kg": 20, "five_chair_stands_s": 10}
    equal(pathway("awgs_2019", woman)["strength_low"], False, "2: the bands of men")
    missing = sarc_f_answers(3) | {"age": 70, "falls_past_year": None}
    equal(instrument("sarc_f", missing), {"outcome": "undetermined", "total": None, "lower": 3, "upper": 5}, "4")
    missing = sarc_f_answers(4) | {"age": 70, "falls_past_year": None}
    equal(instrument("sarc_f", missing), {"outcome": "positive", "total": None, "lower": 4, "upper": 6}, "4")
    at_cut_off = woman | {"grip_strength_kg": 18}
    equal(pathway("awgs_2019", at_cut_off)["strength_low"], False, "6: on the cut-off is not below it")
    cut = sarc_f_answers(1) | {"age": 70, "sex": "female", "calf_circumference_cm": 33.9}
    expect("sarc_calf", cut, "negative", 1)  # 7, truncated
    expect("sarc_calf", cut | {"calf_circumference_cm": 33}, "positive", 11)  # 8, needs nothing but the calf
    strong = {"age": 70, "sex": "male", "grip_strength_kg": 29, "five_chair_stands_s": 10}
    equal(pathway("ewgsop2", strong)["strength_low"], False, "9: 30/20 kg are of 2010")
    equal(pathway("ewgsop2", woman | {"grip_strength_kg": 19})["strength_low"], False, "9")
    expect("msra_5", MSRA_BEST, "negative", 60)  # 10, the five yes/no items end at 5
    expect("msra_7", MSRA_WORST, "positive", 0)  # 12, direction; 11 is test_cut_offs_of_the_pathways


# ---------------------------------------------------------------------------------------------------------
# Brute force: statements about open items hold for every way to answer them

SET_COMPLETIONS = {
    "conditions": [[], list(CONDITIONS)] + [[name] for name in CONDITIONS],
    "medications": [[], list(MEDICATIONS[:8])] + [[name] for name in MEDICATIONS],
    "tests_unable": [[]],  # staff record it; here it belongs to the measured values
}
ENDS = {"height_cm": (100.0, 230.0), "weight_kg": (25.0, 300.0), "grip_strength_kg": (0.0, 100.0)}

# Items that only one rule of the own score reads, or that are not shared by a highest_of or a cap
INDEPENDENT = {
    "age", "falls_past_year", "sleep_hours", "vitamin_d_nmol_l", "fatigue", "activity", "smoker",
    "muscle_injury_or_surgery", "fracture_from_fall", "muscle_shrinkage", "balance_trouble", "regular_medication_count",
    *SARC_F_ITEMS,
}


def completions_of(item):
    if item in NUMBERS:
        return NUMBERS[item][1] + ENDS.get(item, ())
    if item in SET_COMPLETIONS:
        return SET_COMPLETIONS[item]
    return (CHOICES | ALARMS)[item]


def can_be_opened(audience):
    """Laboratory items stay unanswered if they are not requested; then they are not open."""
    names = [*NUMBERS, *CHOICES, "conditions", "medications", *ALARMS]
    return [name for name in names if LABORATORY in audience or name not in NUMBERS or NUMBERS[name][0] != LABORATORY]


def check_score(partial, completed, opened, about):
    lowest = min(result["lower"] for result in completed)
    highest = max(result["upper"] for result in completed)
    holds(partial["lower"] <= lowest and highest <= partial["upper"], f"own bounds: {about}")
    holds(all(result["lower"] == result["upper"] for result in completed), f"settled: {about}")
    if INDEPENDENT.issuperset(opened):
        equal((partial["lower"], partial["upper"]), (lowest, highest), f"own bounds are reached: {about}")


def check_instrument(id_, partial, completed, opened, about):
    outcomes = {result["outcome"] for result in completed}
    body = {"height_cm", "weight_kg"} & opened
    if "age" not in opened:
        if partial["outcome"] != "undetermined":
            equal(outcomes, {partial["outcome"]}, f"{id_} outcome: {about}")
        elif not (id_ == "sarc_f_ebm" and body):
            equal(outcomes, {"positive", "negative"}, f"{id_} is really undetermined: {about}")
    else:
        equal(partial["outcome"], "undetermined", f"{id_} without the age: {about}")
    if id_ == "finger_ring":
        return
    lowest = min(result["lower"] for result in completed)
    highest = max(result["upper"] for result in completed)
    holds(partial["lower"] <= lowest and highest <= partial["upper"], f"{id_} bounds: {about}")
    if not (id_ == "sarc_f_ebm" and body):
        equal((partial["lower"], partial["upper"]), (lowest, highest), f"{id_} bounds are reached: {about}")
    if partial["total"] is not None:
        equal({result["total"] for result in completed}, {partial["total"]}, f"{id_} total: {about}")


def check_pathway(id_, partial, completed, ages, about):
    for criterion in ("case_found", "strength_low", "performance_low"):
        if partial[criterion] is None:
            continue
        for result, age in zip(completed, ages):
            if id_ == "awgs_2025" and criterion == "strength_low" and age < 50:
                continue  # below the first row; an unknown age is decided by the rows alone
            holds(result[criterion] is partial[criterion], f"{id_} {criterion}: {about}")
    if partial["stage"] in ("probable", "possible", "criteria_met", "not_applicable"):
        equal({result["stage"] for result in completed}, {partial["stage"]}, f"{id_} stage: {about}")


def check_flags(partial, result, about):
    """More answers only add red flags. What fired keeps its level; a missing figure may turn out to be harmless."""
    holds(set(partial["red_flags"]) <= set(result["red_flags"]), f"a red flag is gone: {about}")
    if partial["red_flags"]:
        ranks = calculation.RANK
        fired = max(ranks[level] for level in partial["red_flag_levels"])
        holds(ranks[result["care_level"]] >= fired, f"care level: {about}")


def test_completions():
    generator = random.Random(7)
    budget = 30_000
    while budget > 0:
        audience = ("person", "staff") + ((LABORATORY,) if generator.random() < 0.5 else ())
        answers = random_answers(generator, 1.0, generator.choice((0.0, 0.2)))
        answers["tests_unable"] = []
        if LABORATORY not in audience and generator.random() < 0.5:
            del answers["vitamin_d_nmol_l"]
        names = [name for name in can_be_opened(audience) if name in answers]
        pool = sorted(INDEPENDENT.intersection(names)) if generator.random() < 0.3 else names
        opened = generator.sample(pool, generator.choice((1, 2, 2)))
        for item in opened:
            answers[item] = None
        partial = calculate(answers, audience, PATHWAYS)
        completed, ages = [], []
        for values in itertools.product(*map(completions_of, opened)):
            filled = answers | dict(zip(opened, values))
            completed.append(calculate(filled, audience, PATHWAYS))
            ages.append(filled["age"])
        budget -= len(completed)
        about = f"{opened} of {answers}"
        check_score(partial, completed, set(opened), about)
        for id_, found in partial["instruments"].items():
            check_instrument(id_, found, [result["instruments"][id_] for result in completed], set(opened), about)
        for id_, found in partial["pathways"].items():
            check_pathway(id_, found, [result["pathways"][id_] for result in completed], ages, about)
        for result in completed:
            check_flags(partial, result, about)


# ---------------------------------------------------------------------------------------------------------
# Red flags in a second form: formulas over named tests. No formula contains a negation. So a formula is certain if it holds
# with every unknown test false, and open if it only holds with all unknown tests true.

FORMULAS = {
    "breathing_trouble": "breathing", "swallowing_or_speech_trouble": "swallowing", "face_droop_or_sight_loss": "face",
    "one_sided_weakness": "side", "cannot_bear_weight": "leg", "head_injury_ambulance": "unwell",
    "new_confusion": "confusion", "limb_weakness_within_days": "limbs", "bladder_bowel_or_saddle": "saddle",
    "dark_urine_with_muscle_trouble": "dark and (pain or weak or limbs or weeks)",
    "head_injury": "later", "head_hit_on_blood_thinner": "any_hit and thinner", "long_lie": "lay",
    "palpitations_with_kidney_disease": "palpitations and kidney and (weak or limbs or weeks)",
    "creatine_kinase_emergency":
        "ck_15000 or ck_40_times or ck_5000 and (pain or dark or weak or limbs or weeks)"
        " or (ck_5_times or ck_over_1000) and dark",
    "myoglobin_high_with_symptom": "(myo_5_times or myo_600) and (pain or dark or weak or limbs or weeks)",
    "creatine_kinase_high": "ck_5_times or ck_over_1000", "myoglobin_high": "myo_5_times or myo_600",
    "dark_urine": "dark", "head_hit": "hit", "weakness_over_weeks": "weeks",
    "palpitations_with_weakness": "palpitations and (weak or limbs or weeks)",
    "statin_muscle_pain_with_weakness": "statin and pain and (weak or limbs or weeks)",
    "high_dose_steroids_with_weakness": "infusion and (weak or limbs or weeks)",
    "fever_or_rash_with_weakness": "fever", "headache_jaw_or_scalp": "headache and from_50",
    "immunotherapy_with_muscle_trouble": "immune and (weak or limbs or weeks or pain or palpitations or ck_over_limit)",
    "headache_under_50": "headache and under_50",
    "function_lost":
        "carry and walk or carry and rise or carry and climb or walk and rise or walk and climb or rise and climb",
    "strength_measured_low": "grip_low or stands_slow",
    "steroid_with_weakness": "steroids and (weak or limbs or weeks or shrinkage or rise_some or climb_some)",
    "unintended_loss":
        "unintended and (half_0 and half_5 or year_0 and year_5 or year_4500 or half_4500)",
    "statin_muscle_pain": "statin and pain", "sarc_f_under_60": "under_60 and sarc_f_4",
    "performance_measured_low": "gait_low or sppb_low or tug_slow",
    "weakness_that_limits":
        "(weak or limbs or weeks) and (shrinkage or walk_some or rise_some or carry or climb or cancer and tired)",
    "large_loss_with_weakness": "half_0 and half_10 and (weak or limbs or weeks or shrinkage)",
    "creatine_kinase_raised": "ck_1_5_times or ck_over_limit and (weak or limbs or weeks or pain or shrinkage)",
    "myoglobin_raised": "myo_1_5_times", "muscle_pain": "pain", "palpitations": "palpitations",
    "high_dose_steroids": "infusion",
}
COMPILED = {id_: compile(text, id_, "eval") for id_, text in FORMULAS.items()}
AGE_TESTS = {"from_50", "under_50", "under_60"}


def named_tests(answers):
    """Name -> (truth, the items it reads, whether a value of its own above 0 was given)."""
    tests = {}

    def exact(item):
        value = answers.get(item)
        return None if value is None else Fraction(str(value))

    def answer(name, item, *accepted):
        value = answers.get(item)
        tests[name] = (None if value is None else value in accepted, (item,), False)

    def chosen(name, item, option):
        value = answers.get(item)
        tests[name] = (None if value is None else option in value, (item,), False)

    def number(name, item, test, asked_of="person", limit=None, unable=None):
        value, other = exact(item), exact(limit) if limit else 1
        items = (item, limit) if limit else (item,)
        if unable in (answers.get("tests_unable") or ()):
            truth = True
        elif value is None:
            truth = None if asked_of == "person" else False
        else:
            truth = None if other is None else test(value, other)
        tests[name] = (truth, items, value is not None and value > 0)

    for name, item in (
        ("breathing", "new_breathing_trouble_or_chest_pain"), ("swallowing", "new_swallowing_or_speech_trouble"),
        ("face", "new_face_droop_or_sight_loss"), ("side", "new_one_sided_weakness"), ("confusion", "new_confusion"),
        ("leg", "cannot_bear_weight_after_fall"), ("lay", "long_lie_after_fall"),
        ("limbs", "limb_weakness_within_days"),
        ("saddle", "new_bladder_bowel_or_saddle_trouble"), ("dark", "dark_urine"), ("pain", "muscle_pain"),
        ("palpitations", "palpitations"), ("fever", "fever_or_rash_with_weakness"), ("weak", "weakness"),
        ("headache", "headache_jaw_or_scalp_pain"), ("weeks", "weakness_over_weeks"),
        ("infusion", "high_dose_steroids"),
        ("shrinkage", "muscle_shrinkage"), ("unintended", "weight_loss_unintended"),
    ):
        answer(name, item, True)
    answer("hit", "head_injury", "hit")
    answer("later", "head_injury", "hit_with_later_signs")
    answer("unwell", "head_injury", "hit_and_still_unwell")
    answer("any_hit", "head_injury", "hit", "hit_with_later_signs", "hit_and_still_unwell")
    answer("tired", "fatigue", "often")
    for name, item in zip(("carry", "walk", "rise", "climb"), SARC_F_ITEMS):
        answer(name, item, "a_lot_or_unable")
        answer(f"{name}_some", item, "some", "a_lot_or_unable")
    for name, option in (
        ("thinner", "blood_thinner"), ("statin", "statin"), ("immune", "cancer_immunotherapy"),
        ("steroids", "systemic_corticosteroid_3_weeks"),
    ):
        chosen(name, "medications", option)
    chosen("kidney", "conditions", "chronic_kidney_disease")
    chosen("cancer", "conditions", "cancer")
    for years in (50, 60):
        number(f"under_{years}", "age", lambda value, _, years=years: value < years)
    number("from_50", "age", lambda value, _: value >= 50)

    loss, loss_year = "weight_loss_6_months_kg", "weight_loss_past_year_kg"
    for name, item in (("half", loss), ("year", loss_year)):
        number(f"{name}_0", item, lambda lost, _: lost > 0)
        number(f"{name}_4500", item, lambda lost, _: lost * 1000 > 4500)
        for percent in (5, 10):
            number(f"{name}_{percent}", item,
                   lambda lost, weight, percent=percent: lost / (weight + lost) > Fraction(percent, 100),
                   limit="weight_kg")
    number("ck_15000", CK, lambda value, _: value >= 15_000, LABORATORY)
    number("ck_5000", CK, lambda value, _: value >= 5000, LABORATORY)
    number("ck_over_1000", CK, lambda value, _: value > 1000, LABORATORY)
    number("myo_600", MYO, lambda value, _: value >= 600, LABORATORY)
    for name, times in (("40_times", 40), ("5_times", 5), ("1_5_times", Fraction(3, 2)), ("over_limit", 1)):
        number(f"ck_{name}", CK, lambda value, limit, times=times: value / limit > times, LABORATORY, CK_LIMIT)
        number(f"myo_{name}", MYO, lambda value, limit, times=times: value / limit > times, LABORATORY, MYO_LIMIT)
    number("stands_slow", "five_chair_stands_s", lambda value, _: value > 15, "staff", unable="chair_stands")
    number("gait_low", "gait_speed_m_s", lambda value, _: value * 10 <= 8, "staff", unable="gait")
    number("sppb_low", "sppb", lambda value, _: value <= 8, "staff")
    number("tug_slow", "timed_up_and_go_s", lambda value, _: value >= 20, "staff", unable="timed_up_and_go")

    grip = exact("grip_strength_kg")
    by_sex = {"female": grip is not None and grip < 16, "male": grip is not None and grip < 27}
    if "grip" in (answers.get("tests_unable") or ()):
        low = True
    elif grip is None:
        low = False
    elif answers.get("sex") is None:
        low = by_sex["female"] if by_sex["female"] == by_sex["male"] else None
    else:
        low = by_sex[answers["sex"]]
    tests["grip_low"] = (low, ("grip_strength_kg", "sex"), low is None and True in by_sex.values())

    points = [(None if answers.get(item) is None else ("none", "some", "a_lot_or_unable").index(answers[item]))
              for item in SARC_F_ITEMS]
    falls = answers.get("falls_past_year")
    points.append(None if falls is None else 0 if falls == 0 else 1 if falls < 4 else 2)
    least, most = sum(point or 0 for point in points), sum(2 if point is None else point for point in points)
    positive = True if least >= 4 else False if most < 4 else None
    tests["sarc_f_4"] = (positive, ("falls_past_year", *SARC_F_ITEMS), least > 0)
    return tests


def by_formula(answers):
    """The same as `state`, from the formulas."""
    tests = named_tests(answers)
    surely = {name: truth is True for name, (truth, _, _) in tests.items()}
    perhaps = {name: truth is not False for name, (truth, _, _) in tests.items()}
    numbers = set(NUMBERS)
    fired = [id_ for id_, code in COMPILED.items() if eval(code, {}, surely)]
    halves, missing = [], set()
    for id_, code in COMPILED.items():
        if id_ in fired or not eval(code, {}, perhaps):
            continue
        names = code.co_names
        if not any(tests[name][0] or (tests[name][0] is None and tests[name][2]) for name in names
                   if name not in AGE_TESTS):
            continue
        halves.append(id_)
        read = {item for name in decisive(code, tests, surely) for item in tests[name][1]}
        waits_for = {item for item in read if answers.get(item) is None}
        if len(waits_for) != 1 or not waits_for.issubset(FIGURES):
            continue
        judged = {tests[name][1][0] for other in fired for name in makes_true(COMPILED[other], surely)} & numbers
        if judged.isdisjoint(item for name in names for item in tests[name][1]):
            missing |= waits_for
    return sorted(fired), sorted(halves), sorted(missing)


def decisive(code, tests, surely):
    """The unknown tests that decide the formula for some way to answer the others."""
    unknown = [name for name in code.co_names if tests[name][0] is None]
    found = set()
    for truths in itertools.product((False, True), repeat=len(unknown)):
        tried = surely | dict(zip(unknown, truths))
        if not eval(code, {}, tried):
            found |= {name for name in unknown if eval(code, {}, tried | {name: True})}
    return found


def makes_true(code, surely):
    """The true tests of every smallest set that is enough for the formula."""
    true = [name for name in code.co_names if surely[name]]
    enough = []
    for size in range(1, len(true) + 1):
        for names in itertools.combinations(true, size):
            if not any(smaller.issubset(names) for smaller in enough):
                if eval(code, {}, dict.fromkeys(code.co_names, False) | dict.fromkeys(names, True)):
                    enough.append(set(names))
    return set().union(*enough)


def test_red_flags_by_formula():
    generator = random.Random(8)
    met = Counter()
    for _ in range(25_000):
        answers, audience, _ = random_case(generator)
        expected = by_formula(answers)
        equal(state(answers), expected, f"{answers}")
        met.update(f"fired {id_}" for id_ in expected[0])
        met.update(f"half met {id_}" for id_ in expected[1])
        met.update(f"missing {item}" for item in expected[2])
        result = calculate(answers, audience)
        if result["care_level"] in (None, "self_care"):
            asked = ALARMS if answers.get("falls_past_year") != 0 else [
                item for item in ALARMS if item not in ("cannot_bear_weight_after_fall", "long_lie_after_fall")]
            every_alarm_answered = all(answers.get(item) is not None for item in asked)
            level = "self_care" if every_alarm_answered and not expected[1] else None
            equal(result["care_level"], level, f"care level of {answers}")
            met[level] += 1
    for name in [f"fired {id_}" for id_ in FORMULAS] + [f"missing {item}" for item in FIGURES] + [None, "self_care"]:
        holds(met[name] >= 100, f"{name} was met {met[name]} times")
    # a red flag of a single answer, or of any one of several measurements, is never half met
    halves_possible = {id_ for id_, code in COMPILED.items() if len(code.co_names) > 1} | {"myoglobin_raised"}
    for id_ in halves_possible - {"performance_measured_low"}:
        holds(met[f"half met {id_}"] > 20, f"half met {id_} was met {met[f'half met {id_}']} times")


def test_missing_figures_are_decisive():
    """With the figure filled in, no reason names it any more, and what waited for it is settled."""
    generator = random.Random(10)
    fills = {"weight_kg": (25.0, 300.0), "sex": ("female", "male"), CK_LIMIT: (20, 1000), MYO_LIMIT: (10, 500)}
    met = Counter()
    while min(met[item] for item in FIGURES) < 200:
        answers, audience, _ = random_case(generator)
        for item in state(answers)[2]:
            met[item] += 1
            for value in fills[item]:
                filled = state(answers | {item: value})
                holds(item not in filled[2], f"{item} is given: {answers}")


# ---------------------------------------------------------------------------------------------------------
# The comparison itself


def line_of(answers, audience, pathways, result):
    return json.dumps({"answers": answers, "audience": audience, "pathways": pathways, "result": result}) + "\n"


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, path + (key,))
    else:
        yield path, value


def changed(value):
    """A different value that Python might consider equal."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value + 1
    return [value] if isinstance(value, str) else "x" if value is None else value + ["x"]


def test_every_leaf_is_compared():
    generator = random.Random(9)
    for _ in range(20):
        answers, audience, pathways = random_case(generator)
        result = calculate(answers, audience, pathways)
        equal(compare_lines([line_of(answers, audience, pathways, result)]), (1, 0))
        for path, value in leaves(result):
            wrong = json.loads(json.dumps(result))
            inner = wrong
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = changed(value)
            equal(compare_lines([line_of(answers, audience, pathways, wrong)]), (1, 1), f"change of {path}")
            equal([found[0] for found in differing_keys(result, wrong)], [".".join(path)])
            del inner[path[-1]]
            equal(compare_lines([line_of(answers, audience, pathways, wrong)]), (1, 1), f"{path} left out")


def test_what_is_printed():
    out = io.StringIO()
    wrong = calculate({}) | {"urgency": "today"}
    equal(compare_lines([line_of({}, ["person"], [], wrong)] * 12, out), (12, 12))
    equal(out.getvalue().count('urgency: service "today", second calculation null'), 10, "the first ten")
    equal(compare_lines([]), (0, 0))
    for broken in ("{", "[]", "{}", line_of({"sex": "x"}, ["person"], [], {}), line_of({}, ["person"], ["x"], {}),
                   line_of({"calf_circumference_cm": 33.05}, ["person"], [], {})):
        try:
            compare_lines([broken])
        except Unusable:
            holds(True, broken)
        else:
            raise AssertionError(f"taken for a line to compare: {broken}")


def test_seldom():
    """A thousand of each in a million lines, and in proportion for fewer."""
    ids = [flag.id for flag in RED_FLAGS]
    met = Counter({("red flag", id_): OFTEN_ENOUGH for id_ in ids})
    equal(seldom(1_000_000, met), [])
    met["red flag", ids[3]] -= 1
    equal(seldom(1_000_000, met), [ids[3]])
    equal(seldom(999_000, met), [], "999 among 999,000")
    equal(seldom(999, Counter()), [], "too few lines to say")
    equal(seldom(1000, Counter()), ids)


def run():
    """Runs every test of this module and returns the number of checks."""
    tests = [test for name, test in sorted(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
    return checks
