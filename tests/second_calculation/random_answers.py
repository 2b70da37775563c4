"""Random answers for the benchmark and the self-test: complete and partial, with values concentrated at cut-offs.

Most numbers lie at a cut-off or one step beside it. What chance alone would seldom bring together, such as a blood
thinner and a blow to the head, has a scene of its own.
"""

PERSON, STAFF, LABORATORY = "person", "staff", "laboratory"
YES_NO = (True, False)
DIFFICULTIES = ("none", "some", "a_lot_or_unable")
CONDITIONS = (
    "diabetes", "copd", "heart_failure", "chronic_kidney_disease", "cancer", "osteoporosis", "osteoarthritis",
    "cognitive_impairment", "depression", "parkinsons_disease", "stroke", "liver_cirrhosis",
    "other_neuromuscular_disease", "rheumatoid_arthritis", "none_of_these",
)
MEDICATIONS = (
    "systemic_corticosteroid_3_weeks", "chemotherapy_past_year", "loop_diuretic", "sulfonylurea_or_glinide",
    "proton_pump_inhibitor", "statin", "cancer_immunotherapy", "blood_thinner", "androgen_deprivation", "glp1_agonist",
    "sedative_or_antipsychotic", "other", "none_of_these",
)
TESTS = ("grip", "chair_stands", "gait", "timed_up_and_go")
ALARM_SIGNS = (
    "new_breathing_trouble_or_chest_pain", "new_swallowing_or_speech_trouble", "new_face_droop_or_sight_loss",
    "new_one_sided_weakness", "new_confusion", "limb_weakness_within_days", "new_bladder_bowel_or_saddle_trouble",
    "muscle_pain", "dark_urine", "palpitations", "fever_or_rash_with_weakness", "headache_jaw_or_scalp_pain",
    "weakness_over_weeks", "high_dose_steroids", "cannot_bear_weight_after_fall", "long_lie_after_fall",
)
HEAD_INJURIES = ("none", "hit", "hit_with_later_signs", "hit_and_still_unwell")
ALARMS = {item: YES_NO for item in ALARM_SIGNS} | {"head_injury": HEAD_INJURIES}
NO_ALARM = {item: False for item in ALARM_SIGNS} | {"head_injury": "none"}

# item -> (audience, the values at both ends of its range, and at and on both sides of every cut-off)
NUMBERS = {
    "age": (PERSON, (18, 49, 50, 51, 59, 60, 61, 64, 65, 66, 69, 70, 71, 74, 75, 76, 79, 80, 81, 120)),
    "height_cm": (PERSON, (150.0, 160.0, 165.5, 172.3, 180.0, 200.0)),
    "weight_kg": (PERSON, (40.0, 47.3, 47.4, 53.7, 53.8, 60.0, 74.0, 84.0, 85.5, 120.0)),
    "falls_past_year": (PERSON, (0, 1, 2, 3, 4, 5, 365)),
    "strength_training_days": (PERSON, (0, 3, 7)),
    "sleep_hours": (PERSON, (0.0, 5.5, 6.0, 6.5, 8.5, 9.0, 9.5, 24.0)),
    "weight_loss_past_year_kg": (PERSON, (0.0, 0.1, 1.9, 2.0, 2.1, 4.4, 4.5, 4.6, 12.5, 100.0)),
    "weight_loss_6_months_kg": (PERSON, (0.0, 0.1, 2.8, 2.9, 3.1, 3.2, 4.4, 4.5, 4.6, 9.5, 12.0)),
    "hospital_stays_past_year": (PERSON, (0, 1, 2, 3, 50)),
    "bed_rest_days_past_year": (PERSON, (0, 9, 10, 11, 366)),
    "regular_medication_count": (PERSON, (0, 4, 5, 6, 60)),
    "calf_circumference_cm": (STAFF, (15.0, 31.0, 32.9, 33.0, 33.1, 33.9, 34.0, 34.1, 36.0, 70.0)),
    "grip_strength_kg": (STAFF, (
        0.0, 15.9, 16.0, 16.1, 17.9, 18.0, 18.1, 19.9, 20.0, 20.1, 26.9, 27.0, 27.1, 27.9, 28.0, 28.1, 33.9, 34.0,
        34.1, 35.4, 35.5, 35.6, 100.0,
    )),
    "five_chair_stands_s": (STAFF, (1.0, 11.99, 12.0, 12.01, 14.99, 15.0, 15.01, 300.0)),
    "timed_up_and_go_s": (STAFF, (1.0, 19.99, 20.0, 20.01, 300.0)),
    "gait_speed_m_s": (STAFF, (0.0, 0.79, 0.8, 0.81, 0.99, 1.0, 1.01, 3.0)),
    "sppb": (STAFF, (0, 7, 8, 9, 10, 12)),
    "creatine_kinase_u_l": (LABORATORY, (0, 199, 200, 201, 300, 301, 1000, 1001, 4999, 5000, 14_999, 15_000, 500_000)),
    "creatine_kinase_upper_limit_u_l": (LABORATORY, (20, 200, 1000)),
    "myoglobin_ug_l": (LABORATORY, (0, 105, 106, 350, 351, 599, 600, 100_000)),
    "myoglobin_upper_limit_ug_l": (LABORATORY, (10, 70, 500)),
    "vitamin_d_nmol_l": (LABORATORY, (0, 24, 25, 26, 500)),
}
CHOICES = {
    "sex": ("female", "male"),
    "carrying_difficulty": DIFFICULTIES,
    "walking_difficulty": DIFFICULTIES,
    "chair_rise_difficulty": DIFFICULTIES,
    "stair_difficulty": DIFFICULTIES,
    "muscle_shrinkage": YES_NO,
    "weakness": YES_NO,
    "balance_trouble": YES_NO,
    "cold_intolerance": YES_NO,
    "fatigue": ("rarely", "sometimes", "often"),
    "activity": ("inactive", "light", "moderate", "vigorous"),
    "can_walk_1000_m": YES_NO,
    "three_meals_usually": YES_NO,
    "dairy_daily": YES_NO,
    "protein_daily": YES_NO,
    "poor_appetite": YES_NO,
    "chewing_trouble": YES_NO,
    "smoker": YES_NO,
    "weight_loss_unintended": YES_NO,
    "muscle_injury_or_surgery": YES_NO,
    "fracture_from_fall": YES_NO,
    "finger_ring": ("bigger", "just_fits", "smaller"),
}
SETS = {
    "conditions": (PERSON, CONDITIONS),
    "medications": (PERSON, MEDICATIONS),
    "tests_unable": (STAFF, TESTS),
}
PATHWAYS = ("ewgsop2", "awgs_2019", "awgs_2025", "sdoc")
SARC_F_DIFFICULTIES = ("carrying_difficulty", "walking_difficulty", "chair_rise_difficulty", "stair_difficulty")


def subset(random, options, at_most):
    chosen = random.sample(options, random.randint(0, min(at_most, len(options))))
    return ["none_of_these"] if "none_of_these" in chosen else chosen


def random_answers(random, share_answered, share_alarms):
    """Answers each item with the given probability; alarm signs have a probability of their own."""
    answers = {}
    for item, (_, values) in NUMBERS.items():
        if random.random() < share_answered:
            answers[item] = random.choice(values)
    for item, values in CHOICES.items():
        if random.random() < share_answered:
            answers[item] = random.choice(values)
    for item, (_, options) in SETS.items():
        if random.random() < share_answered:
            answers[item] = subset(random, options, 2 if item == "tests_unable" else 4)
    for item in ALARM_SIGNS:
        if random.random() < share_answered:
            answers[item] = random.random() < share_alarms
    if random.random() < share_answered:
        answers["head_injury"] = random.choice(HEAD_INJURIES[1:]) if random.random() < share_alarms else "none"
    return answers


# ---------------------------------------------------------------------------------------------------------
# Scenes: answers that belong together


def around(random, value, step=1):
    """The value, or one step beside it."""
    return round(value + random.choice((-step, 0, step)), 2)


def without_a_sign(random, answers):
    """Nothing fires by itself, so that one rule decides."""
    answers.update(NO_ALARM)
    answers.update({item: "none" for item in SARC_F_DIFFICULTIES})
    answers.update(weakness=False, muscle_shrinkage=False, falls_past_year=0, tests_unable=[])
    for item in ("grip_strength_kg", "five_chair_stands_s", "gait_speed_m_s", "sppb", "timed_up_and_go_s",
                 "creatine_kinase_u_l", "myoglobin_ug_l", "weight_loss_unintended"):
        answers.pop(item, None)


def one_sign(random, answers):
    sign = random.choice(("weakness", "muscle_shrinkage", "muscle_pain", "dark_urine", "palpitations",
                          "limb_weakness_within_days", "weakness_over_weeks"))
    answers[sign] = random.choice((True, True, None))


def with_medicine(random, answers, medicine):
    """With it, without it, or the medicines unanswered."""
    others = [name for name in subset(random, MEDICATIONS, 2) if name != "none_of_these"]
    answers["medications"] = random.choice(([*others, medicine], [*others, medicine], others, None))


def head_hit(random, answers):
    answers["head_injury"] = random.choice((*HEAD_INJURIES, None))
    with_medicine(random, answers, "blood_thinner")


def after_a_fall(random, answers):
    answers["falls_past_year"] = random.choice((0, 1, None))
    answers["cannot_bear_weight_after_fall"] = random.choice((True, False, None))
    answers["long_lie_after_fall"] = random.choice((True, False, None))


def immunotherapy(random, answers):
    with_medicine(random, answers, "cancer_immunotherapy")
    limit = answers["creatine_kinase_upper_limit_u_l"] = random.randint(20, 1000)
    answers["creatine_kinase_u_l"] = random.choice((around(random, limit), None))
    if random.random() < 0.3:
        one_sign(random, answers)
    if random.random() < 0.2:
        answers["creatine_kinase_upper_limit_u_l"] = None


def creatine_kinase(random, answers):
    limit = answers["creatine_kinase_upper_limit_u_l"] = random.choice((20, 171, 200, 300, random.randint(20, 1000)))
    if random.random() < 0.5:
        value = around(random, int(limit * random.choice((1, 1.5, 5, 40))))
    else:
        value = around(random, random.choice((1000, 5000, 15_000)))
    answers["creatine_kinase_u_l"] = value
    if random.random() < 0.35:
        answers["creatine_kinase_upper_limit_u_l"] = None
    if random.random() < 0.4:
        one_sign(random, answers)


def myoglobin(random, answers):
    limit = answers["myoglobin_upper_limit_ug_l"] = random.choice((10, 70, 120, random.randint(10, 500)))
    reached = random.choice((int(limit * 1.5), limit * 5, 600))
    answers["myoglobin_ug_l"] = around(random, reached)
    if random.random() < 0.35:
        answers["myoglobin_upper_limit_ug_l"] = None
    if random.random() < 0.4:
        one_sign(random, answers)


def weight_loss(random, answers):
    """Losses around 4.5 kg, and around 5 % and 10 % of the weight before the loss."""
    before = random.choice((50.0, 60.0, 90.0, 120.0))
    item, other = random.sample(("weight_loss_6_months_kg", "weight_loss_past_year_kg"), 2)
    lost = around(random, random.choice((4.5, before * 0.05, before * 0.05, before * 0.1)), 0.1)
    answers[item] = lost
    answers[other] = random.choice((0.0, 0.1, lost, None))
    answers["weight_kg"] = random.choice((round(before - lost, 1), round(before - lost + 0.1, 1), None))
    answers["weight_loss_unintended"] = random.choice((True, True, False, None))
    if random.random() < 0.5:
        one_sign(random, answers)


def grip_without_sex(random, answers):
    answers["sex"] = random.choice((None, None, "female", "male"))
    answers["grip_strength_kg"] = random.choice((around(random, 16.0, 0.1), around(random, 27.0, 0.1),
                                                 random.randint(150, 280) / 10))
    answers["five_chair_stands_s"] = random.choice((None, None, around(random, 15.0, 0.01)))


def performance(random, answers):
    answers["gait_speed_m_s"] = random.choice((None, around(random, 0.8, 0.01)))
    answers["sppb"] = random.choice((None, around(random, 9)))
    answers["timed_up_and_go_s"] = random.choice((None, around(random, 20.0, 0.01)))


def difficulties(random, answers):
    """SARC-F around 4 and lost abilities, around the age of 60."""
    for item in SARC_F_DIFFICULTIES:
        answers[item] = random.choice((*DIFFICULTIES, "none", None))
    answers["falls_past_year"] = random.choice((0, 1, 4, None))
    answers["age"] = random.choice((59, 60, 61, None))


def body_mass(random, answers):
    """The body mass index exactly at a limit, or 0.1 kg beside it."""
    height = answers["height_cm"] = random.choice((150.0, 165.5, 180.0, 200.0))
    limit = random.choice((185, 200, 210, 220))
    weight = limit * round(height * 10) ** 2 // 1_000_000 + random.choice((-1, 0, 1))
    answers["weight_kg"] = weight / 10
    answers["age"] = random.choice((69, 70, 71, None))


def weak_with_a_reason(random, answers):
    """Weakness beside one of the things that give it weight."""
    answers[random.choice(("weakness", "limb_weakness_within_days", "weakness_over_weeks"))] = random.choice(
        (True, True, True, None))
    answers["conditions"] = random.choice((["chronic_kidney_disease"], ["cancer"], [], None))
    answers["fatigue"] = random.choice(("often", "sometimes", None))
    with_medicine(random, answers, random.choice(("statin", "systemic_corticosteroid_3_weeks")))
    for item in ("muscle_pain", "palpitations", "high_dose_steroids", "muscle_shrinkage"):
        if random.random() < 0.4:
            answers[item] = random.choice((True, True, None))
    if random.random() < 0.3:
        answers[random.choice(SARC_F_DIFFICULTIES)] = random.choice(DIFFICULTIES)


def steroids(random, answers):
    with_medicine(random, answers, "systemic_corticosteroid_3_weeks")
    answers[random.choice(SARC_F_DIFFICULTIES)] = random.choice(DIFFICULTIES)
    if random.random() < 0.3:
        one_sign(random, answers)


def headache(random, answers):
    answers["headache_jaw_or_scalp_pain"] = random.choice((True, True, None))
    answers["age"] = random.choice((18, 49, 50, 51, None))


def nothing(random, answers):
    """Well, or nearly so."""
    if random.random() < 0.3:
        answers[random.choice(sorted(answers))] = None


def one_alarm(random, answers):
    item = random.choice((*ALARM_SIGNS, "head_injury"))
    answers[item] = random.choice((*ALARMS[item], None))


SCENES = (
    head_hit, after_a_fall, immunotherapy, creatine_kinase, creatine_kinase, myoglobin, weight_loss, weight_loss,
    grip_without_sex, performance, difficulties, body_mass, weak_with_a_reason, weak_with_a_reason, steroids, headache,
    nothing, nothing, one_alarm,
)


def random_case(random):
    """Answers, audience and pathways; a third of the answers is complete, some of the open items are null. Half of the
    people have a scene, most of these without any other sign."""
    answers = random_answers(random, random.choice((1.0, 0.95, 0.6)), random.choice((0.0, 0.05, 0.3)))
    if random.random() < 0.5:
        if random.random() < 0.7:
            without_a_sign(random, answers)
        random.choice(SCENES)(random, answers)
    for item in random.sample(sorted(NUMBERS), 2):
        answers.setdefault(item, None)
    audience = ["person"] + [name for name in (STAFF, LABORATORY) if random.random() < 0.5]
    return answers, audience, subset(random, PATHWAYS, len(PATHWAYS))
