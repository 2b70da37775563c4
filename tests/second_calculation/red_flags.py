"""The red flags of rule table 2026.3: which fire, which are half met, and which figure is missing.

A red flag fires only if its condition is certain. Written from the specification; it shares no code, no data and no
tables with the service.
"""

from measured import SARC_F_DIFFICULTIES, at_cut_off, below_by_sex, lost_over

# ---------------------------------------------------------------------------------------------------------
# Tests, and the conditions made of them

TESTS = []  # each is evaluated once per set of answers; a condition reads the truth of a test by its position


def value_above_0(number):
    return lambda measured: number is not None and (measured.get(number) or 0) > 0


class Test:
    """One test of a condition. `items` are what it reads; `number`, if any, is the item it measures. `begun` says
    whether an open test has a value of its own above 0: an enzyme without its limit, or the first points."""

    __slots__ = ("place", "evaluate", "items", "number", "about_age_or_sex", "begun")

    def __init__(self, evaluate, items, number=None, about_age_or_sex=False, begun=None):
        self.place = len(TESTS)
        self.evaluate = evaluate
        self.items = items
        self.number = number
        self.about_age_or_sex = about_age_or_sex
        self.begun = begun or value_above_0(number)
        TESTS.append(self)

    @property
    def tests(self):
        return (self,)

    def truth(self, truths):
        return truths[self.place]

    def waits_for(self, truths, get):
        """The unanswered items that leave it open."""
        return {item for item in self.items if get(item) is None} if truths[self.place] is None else set()

    def judged(self, truths):
        """The measured number that makes it true."""
        return {self.number} if truths[self.place] and self.number else set()


class Combined:
    __slots__ = ("parts", "tests")

    def __init__(self, *parts):
        self.parts = parts
        self.tests = tuple(dict.fromkeys(test for part in parts for test in part.tests))

    def truth(self, truths):
        raise NotImplementedError

    def waits_for(self, truths, get):
        """What its open parts wait for; nothing once it is decided."""
        if self.truth(truths) is not None:
            return set()
        return set().union(*(part.waits_for(truths, get) for part in self.parts))

    def judged(self, truths):
        """The measured numbers of the parts that make it true."""
        if not self.truth(truths):
            return set()
        return set().union(*(part.judged(truths) for part in self.parts))


class AllOf(Combined):
    __slots__ = ()

    def truth(self, truths):
        result = True
        for part in self.parts:
            truth = part.truth(truths)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result


class AnyOf(Combined):
    __slots__ = ()

    def truth(self, truths):
        result = False
        for part in self.parts:
            truth = part.truth(truths)
            if truth:
                return True
            if truth is None:
                result = None
        return result


class TwoOf(Combined):
    """Two or more of its parts."""

    __slots__ = ()

    def truth(self, truths):
        certain = possible = 0
        for part in self.parts:
            truth = part.truth(truths)
            certain += truth is True
            possible += truth is not False
        return True if certain >= 2 else None if possible >= 2 else False


def yes(item):
    return Test(lambda measured: measured.get(item), (item,))


def chose(item, *options_):
    def evaluate(measured):
        chosen = measured.get(item)
        return None if chosen is None else chosen in options_

    return Test(evaluate, (item,))


def includes(item, option):
    def evaluate(measured):
        chosen = measured.get(item)
        return None if chosen is None else option in chosen

    return Test(evaluate, (item,))


# Answers, in the words of the specification

WEAKNESS, LIMBS_WITHIN_DAYS = yes("weakness"), yes("limb_weakness_within_days")
OVER_WEEKS = yes("weakness_over_weeks")
WEAK = AnyOf(WEAKNESS, LIMBS_WITHIN_DAYS, OVER_WEEKS)
SHRINKAGE = yes("muscle_shrinkage")
PAIN, DARK_URINE, PALPITATIONS = yes("muscle_pain"), yes("dark_urine"), yes("palpitations")
HIGH_DOSE_STEROIDS, HEADACHE = yes("high_dose_steroids"), yes("headache_jaw_or_scalp_pain")
UNINTENDED = yes("weight_loss_unintended")
STATIN, BLOOD_THINNER = includes("medications", "statin"), includes("medications", "blood_thinner")
IMMUNOTHERAPY = includes("medications", "cancer_immunotherapy")
STEROIDS_3_WEEKS = includes("medications", "systemic_corticosteroid_3_weeks")
KIDNEY_DISEASE, CANCER = includes("conditions", "chronic_kidney_disease"), includes("conditions", "cancer")
TIRED_OFTEN = chose("fatigue", "often")
CANNOT_CARRY, CANNOT_WALK, CANNOT_RISE, CANNOT_CLIMB = [
    chose(item, "a_lot_or_unable") for item in SARC_F_DIFFICULTIES
]
HARD_TO_WALK, HARD_TO_RISE, HARD_TO_CLIMB = [
    chose(item, "some", "a_lot_or_unable") for item in SARC_F_DIFFICULTIES[1:]
]


# Age and SARC-F


def age_from(years):
    def evaluate(measured):
        return None if measured.age is None else measured.age >= years

    return Test(evaluate, ("age",), "age", about_age_or_sex=True)


def age_under(years):
    def evaluate(measured):
        return None if measured.age is None else measured.age < years

    return Test(evaluate, ("age",), "age", about_age_or_sex=True)


SARC_F_FROM_4 = Test(
    lambda measured: at_cut_off(measured.sarc_f, 4), (*SARC_F_DIFFICULTIES, "falls_past_year"), "falls_past_year",
    begun=lambda measured: measured.sarc_f[0] > 0,
)


# Measured by staff. Cruz-Jentoft 2019, at any age. The person cannot measure these or the enzymes, so a missing value
# leaves no red flag open

LOW_GRIP = {"male": 270, "female": 160}  # tenths of a kilogram


def grip_low(measured):
    if "grip" in measured.unable:
        return True
    if measured.grip is None:
        return False
    return below_by_sex(measured.grip, LOW_GRIP, measured.sexes)


def chair_stands_slow(measured):
    if "chair_stands" in measured.unable:
        return True
    return measured.chair_stands is not None and measured.chair_stands > 1500


def gait_slow(measured):
    if "gait" in measured.unable:
        return True
    return measured.gait is not None and measured.gait <= 80


def sppb_low(measured):
    return measured.sppb is not None and measured.sppb <= 8


def timed_up_and_go_slow(measured):
    if "timed_up_and_go" in measured.unable:
        return True
    return measured.timed_up_and_go is not None and measured.timed_up_and_go >= 2000


# A grip strength that is low for one sex only is above 0, so the open test has begun
GRIP_LOW = Test(grip_low, ("grip_strength_kg", "sex"), "grip_strength_kg")
CHAIR_STANDS_SLOW = Test(chair_stands_slow, ("five_chair_stands_s",), "five_chair_stands_s")
GAIT_SLOW = Test(gait_slow, ("gait_speed_m_s",), "gait_speed_m_s")
SPPB_LOW = Test(sppb_low, ("sppb",), "sppb")
TIMED_UP_AND_GO_SLOW = Test(timed_up_and_go_slow, ("timed_up_and_go_s",), "timed_up_and_go_s")


# Weight


def lost_in_half_a_year(tenths):
    def evaluate(measured):
        return None if measured.loss_6_months is None else measured.loss_6_months > tenths

    return Test(evaluate, ("weight_loss_6_months_kg",), "weight_loss_6_months_kg")


def lost_in_a_year(tenths):
    def evaluate(measured):
        return None if measured.loss_year is None else measured.loss_year > tenths

    return Test(evaluate, ("weight_loss_past_year_kg",), "weight_loss_past_year_kg")


def share_lost_in_half_a_year(percent):
    def evaluate(measured):
        return lost_over(percent, measured.weight, measured.loss_6_months)

    return Test(evaluate, ("weight_loss_6_months_kg", "weight_kg"), "weight_loss_6_months_kg")


def share_lost_in_a_year(percent):
    def evaluate(measured):
        return lost_over(percent, measured.weight, measured.loss_year)

    return Test(evaluate, ("weight_loss_past_year_kg", "weight_kg"), "weight_loss_past_year_kg")


# Without a loss, its share does not depend on the weight
LOST_IN_HALF_A_YEAR, LOST_IN_A_YEAR = lost_in_half_a_year(0), lost_in_a_year(0)


# Enzymes


def creatine_kinase_times(halves):
    """Creatine kinase / its upper limit > halves / 2."""

    def evaluate(measured):
        value, limit = measured.creatine_kinase, measured.creatine_kinase_limit
        if value is None:
            return False
        return None if limit is None else 2 * value > halves * limit

    return Test(evaluate, ("creatine_kinase_u_l", "creatine_kinase_upper_limit_u_l"), "creatine_kinase_u_l")


def creatine_kinase_from(units):
    def evaluate(measured):
        value = measured.creatine_kinase
        return value is not None and value >= units

    return Test(evaluate, ("creatine_kinase_u_l",), "creatine_kinase_u_l")


def myoglobin_times(halves):
    """Myoglobin / its upper limit > halves / 2."""

    def evaluate(measured):
        value, limit = measured.myoglobin, measured.myoglobin_limit
        if value is None:
            return False
        return None if limit is None else 2 * value > halves * limit

    return Test(evaluate, ("myoglobin_ug_l", "myoglobin_upper_limit_ug_l"), "myoglobin_ug_l")


def myoglobin_from(units):
    def evaluate(measured):
        value = measured.myoglobin
        return value is not None and value >= units

    return Test(evaluate, ("myoglobin_ug_l",), "myoglobin_ug_l")


CREATINE_KINASE_HIGH = AnyOf(creatine_kinase_times(10), creatine_kinase_from(1001))  # over 5 times, over 1,000 U/L
CREATINE_KINASE_OVER_1 = creatine_kinase_times(2)
MYOGLOBIN_HIGH = AnyOf(myoglobin_times(10), myoglobin_from(600))  # over 5 times, at least 600 ug/L


class RedFlag:
    __slots__ = ("id", "level", "urgency", "family", "laboratory", "condition", "tests", "items")

    def __init__(self, id_, level, urgency, family, condition, laboratory=False):
        self.id = id_
        self.level = level
        self.urgency = urgency
        self.family = family
        self.laboratory = laboratory
        self.condition = condition
        self.tests = condition.tests
        self.items = {item for test in self.tests for item in test.items}


def ambulance(id_, condition):
    return RedFlag(id_, "emergency_ambulance", "today", None, condition)


def emergency(id_, condition, family=None, laboratory=False):
    return RedFlag(id_, "emergency", "today", family, condition, laboratory)


def within_a_day(id_, family, condition, laboratory=False):
    return RedFlag(id_, "consultation_24h", "today", family, condition, laboratory)


def this_week(id_, family, condition):
    return RedFlag(id_, "consultation", "this_week", family, condition)


def routine(id_, family, condition, laboratory=False):
    return RedFlag(id_, "consultation", "routine", family, condition, laboratory)


RED_FLAGS = (
    ambulance("breathing_trouble", yes("new_breathing_trouble_or_chest_pain")),
    ambulance("swallowing_or_speech_trouble", yes("new_swallowing_or_speech_trouble")),
    ambulance("face_droop_or_sight_loss", yes("new_face_droop_or_sight_loss")),
    ambulance("one_sided_weakness", yes("new_one_sided_weakness")),
    ambulance("cannot_bear_weight", yes("cannot_bear_weight_after_fall")),
    ambulance("head_injury_ambulance", chose("head_injury", "hit_and_still_unwell")),

    emergency("new_confusion", yes("new_confusion")),
    emergency("limb_weakness_within_days", LIMBS_WITHIN_DAYS),
    emergency("bladder_bowel_or_saddle", yes("new_bladder_bowel_or_saddle_trouble")),
    emergency("dark_urine_with_muscle_trouble", AllOf(DARK_URINE, AnyOf(PAIN, WEAK))),
    emergency("head_injury", chose("head_injury", "hit_with_later_signs")),
    emergency("head_hit_on_blood_thinner", AllOf(
        chose("head_injury", "hit", "hit_with_later_signs", "hit_and_still_unwell"), BLOOD_THINNER)),
    emergency("long_lie", yes("long_lie_after_fall")),
    emergency("palpitations_with_kidney_disease", AllOf(PALPITATIONS, KIDNEY_DISEASE, WEAK)),
    emergency("creatine_kinase_emergency", AnyOf(
        creatine_kinase_from(15_000),
        creatine_kinase_times(80),
        AllOf(creatine_kinase_from(5_000), AnyOf(PAIN, DARK_URINE, WEAK)),
        AllOf(CREATINE_KINASE_HIGH, DARK_URINE),
    ), "enzymes", laboratory=True),
    emergency("myoglobin_high_with_symptom", AllOf(MYOGLOBIN_HIGH, AnyOf(PAIN, DARK_URINE, WEAK)),
              "enzymes", laboratory=True),

    within_a_day("creatine_kinase_high", "enzymes", CREATINE_KINASE_HIGH, laboratory=True),
    within_a_day("myoglobin_high", "enzymes", MYOGLOBIN_HIGH, laboratory=True),
    within_a_day("dark_urine", "signs", DARK_URINE),
    within_a_day("head_hit", "signs", chose("head_injury", "hit")),
    within_a_day("weakness_over_weeks", "symptoms", OVER_WEEKS),
    within_a_day("palpitations_with_weakness", "signs", AllOf(PALPITATIONS, WEAK)),
    within_a_day("statin_muscle_pain_with_weakness", "medicine", AllOf(STATIN, PAIN, WEAK)),
    within_a_day("high_dose_steroids_with_weakness", "medicine", AllOf(HIGH_DOSE_STEROIDS, WEAK)),
    within_a_day("fever_or_rash_with_weakness", "signs", yes("fever_or_rash_with_weakness")),
    within_a_day("headache_jaw_or_scalp", "signs", AllOf(HEADACHE, age_from(50))),
    within_a_day("immunotherapy_with_muscle_trouble", "medicine", AllOf(
        IMMUNOTHERAPY, AnyOf(WEAK, PAIN, PALPITATIONS, CREATINE_KINASE_OVER_1))),

    this_week("headache_under_50", "signs", AllOf(HEADACHE, age_under(50))),
    this_week("function_lost", "symptoms", TwoOf(CANNOT_CARRY, CANNOT_WALK, CANNOT_RISE, CANNOT_CLIMB)),
    this_week("strength_measured_low", "measured", AnyOf(GRIP_LOW, CHAIR_STANDS_SLOW)),
    this_week("steroid_with_weakness", "medicine", AllOf(
        STEROIDS_3_WEEKS, AnyOf(WEAK, SHRINKAGE, HARD_TO_RISE, HARD_TO_CLIMB))),
    this_week("unintended_loss", "weight", AllOf(UNINTENDED, AnyOf(
        AllOf(LOST_IN_HALF_A_YEAR, share_lost_in_half_a_year(5)),
        AllOf(LOST_IN_A_YEAR, share_lost_in_a_year(5)),
        lost_in_a_year(45),
        lost_in_half_a_year(45),  # half a year lies within the year
    ))),
    this_week("statin_muscle_pain", "medicine", AllOf(STATIN, PAIN)),

    routine("sarc_f_under_60", "symptoms", AllOf(age_under(60), SARC_F_FROM_4)),
    routine("performance_measured_low", "measured", AnyOf(GAIT_SLOW, SPPB_LOW, TIMED_UP_AND_GO_SLOW)),
    routine("weakness_that_limits", "symptoms", AllOf(WEAK, AnyOf(
        SHRINKAGE, HARD_TO_WALK, HARD_TO_RISE, CANNOT_CARRY, CANNOT_CLIMB, AllOf(CANCER, TIRED_OFTEN)))),
    routine("large_loss_with_weakness", "weight", AllOf(
        LOST_IN_HALF_A_YEAR, share_lost_in_half_a_year(10), AnyOf(WEAK, SHRINKAGE))),
    routine("creatine_kinase_raised", "enzymes", AnyOf(
        creatine_kinase_times(3), AllOf(CREATINE_KINASE_OVER_1, AnyOf(WEAK, PAIN, SHRINKAGE))), laboratory=True),
    routine("myoglobin_raised", "enzymes", myoglobin_times(3), laboratory=True),
    routine("muscle_pain", "signs", PAIN),
    routine("palpitations", "signs", PALPITATIONS),
    routine("high_dose_steroids", "signs", HIGH_DOSE_STEROIDS),
)

# A half-met red flag that waits for exactly one of these reports it as missing
FIGURES = ("weight_kg", "sex", "creatine_kinase_upper_limit_u_l", "myoglobin_upper_limit_ug_l")


def half_met(flag, truths, measured):
    """Of a red flag that is open: whether one of its tests holds or has begun. Age and sex alone are no reason."""
    for test in flag.tests:
        if not test.about_age_or_sex:
            truth = truths[test.place]
            if truth or (truth is None and test.begun(measured)):
                return True
    return False


def red_flags(measured):
    """(those that fire, those that are half met, the figures that are missing)"""
    truths = [test.evaluate(measured) for test in TESTS]
    fired, halves = [], []
    for flag in RED_FLAGS:
        truth = flag.condition.truth(truths)
        if truth:
            fired.append(flag)
        elif truth is None and half_met(flag, truths, measured):
            halves.append(flag)
    return fired, halves, missing_figures(fired, halves, truths, measured)


def missing_figures(fired, halves, truths, measured):
    """The one figure that a half-met red flag waits for, unless a red flag that fired has judged one of its numbers."""
    missing = set()
    judged = None
    for flag in halves:
        waits_for = flag.condition.waits_for(truths, measured.get)
        if len(waits_for) == 1 and waits_for.issubset(FIGURES):
            if judged is None:
                judged = set().union(*(other.condition.judged(truths) for other in fired))
            if judged.isdisjoint(flag.items):
                missing |= waits_for
    return missing
