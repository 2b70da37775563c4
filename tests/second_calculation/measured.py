"""Answers read once, three-valued logic, and SARC-F: what every part of the second calculation uses.

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
    """The answers, and the items that several parts of the result use, read once and converted to whole steps."""

    __slots__ = (
        "get", "laboratory_asked", "age", "sexes", "height", "weight", "calf", "grip", "chair_stands",
        "timed_up_and_go", "gait", "sppb", "loss_year", "loss_6_months", "loss_unintended", "unable", "falls", "stays",
        "creatine_kinase", "creatine_kinase_limit", "myoglobin", "myoglobin_limit", "sarc_f",
    )

    def __init__(self, get, audience):
        self.get = get
        self.laboratory_asked = "laboratory" in audience
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
        self.creatine_kinase = get("creatine_kinase_u_l")
        self.creatine_kinase_limit = get("creatine_kinase_upper_limit_u_l")
        self.myoglobin = get("myoglobin_ug_l")
        self.myoglobin_limit = get("myoglobin_upper_limit_ug_l")
        self.sarc_f = sarc_f_bounds(get, self.falls)


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


def at_cut_off(bounds, cut_off):
    """A sum instrument as a test: its cut-off alone, at any age."""
    if bounds[0] >= cut_off:
        return True
    return False if bounds[1] < cut_off else None


def bmi_below(height, weight, tenths):
    """BMI < tenths/10 kg/m2, multiplied out: weight/10 kg over (height/1000 m) squared."""
    if height is None or weight is None:
        return None
    return weight * 1_000_000 < tenths * height * height


def bmi_at_most(height, weight, tenths):
    if height is None or weight is None:
        return None
    return weight * 1_000_000 <= tenths * height * height


def lost_over(percent, weight, lost):
    """Share of the weight before the loss: 100 * lost / (weight + lost) > percent."""
    if weight is None or lost is None:
        return None
    return 100 * lost > percent * (weight + lost)


# ---------------------------------------------------------------------------------------------------------
# SARC-F, which instruments and red flags share. Tables: answer -> (lower, upper) points, the unanswered item included


def options(points):
    table = {answer: (value, value) for answer, value in points.items()}
    table[None] = (min(points.values()), max(points.values()))
    return table


def when_yes(points):
    return options({True: points, False: 0})


# SARC-F, Malmstrom 2013: none 0, some 1, a lot or unable 2
DIFFICULTY = options({"none": 0, "some": 1, "a_lot_or_unable": 2})
SARC_F_DIFFICULTIES = ("carrying_difficulty", "walking_difficulty", "chair_rise_difficulty", "stair_difficulty")


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
