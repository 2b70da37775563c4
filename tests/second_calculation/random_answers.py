"""Random answers for the benchmark and the self-test: complete and partial, with values concentrated at the cut-offs."""

PERSON, STAFF, LABORATORY = "person", "staff", "laboratory"
YES_NO = (True, False)
DIFFICULTIES = ("none", "some", "a_lot_or_unable")
CONDITIONS = (
    "diabetes", "copd", "heart_failure", "chronic_kidney_disease", "cancer", "osteoporosis", "osteoarthritis",
    "cognitive_impairment", "depression", "neuromuscular_disease",
)
MEDICATIONS = (
    "systemic_corticosteroid", "chemotherapy", "loop_diuretic", "proton_pump_inhibitor", "sulfonylurea_or_glinide",
    "statin", "none_of_these", "other",
)
TESTS = ("grip", "chair_stands", "gait", "timed_up_and_go")
ALARMS = (
    "new_breathing_trouble", "new_swallowing_or_speech_trouble", "new_face_droop_or_double_vision",
    "new_one_sided_weakness", "weakness_worsening_over_days", "muscle_pain", "dark_urine",
    "cannot_bear_weight_after_fall", "head_injury_or_confusion_after_fall", "could_not_get_up_after_fall",
    "new_bladder_or_bowel_loss_or_saddle_numbness", "fever_or_rash_with_weakness", "high_dose_steroids",
    "palpitations",
)

# item -> (audience, the values at both ends of its range and on both sides of every cut-off)
NUMBERS = {
    "age": (PERSON, (18, 49, 50, 59, 60, 64, 65, 69, 70, 74, 75, 79, 80, 120)),
    "height_cm": (PERSON, (150.0, 160.0, 165.5, 172.3, 180.0, 200.0)),
    "weight_kg": (PERSON, (40.0, 47.3, 47.4, 53.7, 53.8, 60.0, 74.0, 84.0, 120.0)),
    "falls_past_year": (PERSON, (0, 1, 2, 3, 4, 365)),
    "strength_training_days": (PERSON, (0, 3, 7)),
    "sleep_hours": (PERSON, (0.0, 5.5, 6.0, 7.5, 9.0, 9.5, 24.0)),
    "weight_loss_past_year_kg": (PERSON, (0.0, 0.1, 2.0, 2.1, 12.5, 100.0)),
    "weight_loss_6_months_kg": (PERSON, (0.0, 0.1, 2.8, 2.9, 3.1, 3.2, 12.0)),
    "hospital_stays_past_year": (PERSON, (0, 1, 2, 50)),
    "bed_rest_days_past_year": (PERSON, (0, 9, 10, 366)),
    "medication_count": (PERSON, (0, 4, 5, 60)),
    "calf_circumference_cm": (STAFF, (15.0, 31.0, 32.9, 33.0, 33.1, 33.9, 34.0, 34.1, 36.0, 70.0)),
    "grip_strength_kg": (
        STAFF, (0.0, 15.9, 16.0, 17.9, 18.0, 19.9, 20.0, 26.9, 27.0, 27.9, 28.0, 33.9, 34.0, 35.4, 35.5, 100.0),
    ),
    "five_chair_stands_s": (STAFF, (1.0, 11.99, 12.0, 15.0, 15.01, 300.0)),
    "timed_up_and_go_s": (STAFF, (1.0, 19.99, 20.0, 300.0)),
    "gait_speed_m_s": (STAFF, (0.0, 0.79, 0.8, 0.81, 0.99, 1.0, 3.0)),
    "sppb": (STAFF, (0, 8, 9, 10, 12)),
    "creatine_kinase_u_l": (LABORATORY, (0, 200, 201, 1000, 1001, 50000)),
    "creatine_kinase_upper_limit_u_l": (LABORATORY, (20, 200, 1000)),
    "myoglobin_ug_l": (LABORATORY, (0, 70, 71, 100000)),
    "myoglobin_upper_limit_ug_l": (LABORATORY, (10, 70, 500)),
    "vitamin_d_nmol_l": (LABORATORY, (0, 24, 25, 500)),
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
    "three_meals_daily": YES_NO,
    "dairy_daily": YES_NO,
    "protein_daily": YES_NO,
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


def subset(random, options, at_most):
    return random.sample(options, random.randint(0, min(at_most, len(options))))


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
    for item in ALARMS:
        if random.random() < share_answered:
            answers[item] = random.random() < share_alarms
    return answers


def random_case(random):
    """Answers, audience and pathways; a third of the answers is complete, some of the open items are null."""
    answers = random_answers(random, random.choice((1.0, 0.95, 0.6)), random.choice((0.0, 0.05, 0.3)))
    for item in random.sample(sorted(NUMBERS), 2):
        answers.setdefault(item, None)
    audience = ["person"] + [name for name in (STAFF, LABORATORY) if random.random() < 0.5]
    return answers, audience, subset(random, PATHWAYS, len(PATHWAYS))
