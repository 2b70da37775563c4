#!/usr/bin/env python3
"""Makes up people in the form of the survey's file, for a check that must run without the survey.

    tests/evidence/made_up.py OUTPUT.csv.gz [--people 30] [--seed 1]

Writes so many people for each sampling unit of six survey cycles, with answers and outcomes that depend on one hidden
frailty, some answers missing, and a few measured values out of range. No person in it is real, and no figure from it says
anything about a rule table. The same seed gives the same people.
"""

import argparse
import csv
import gzip
import math
import pathlib
import random

import nhanes

STRATA, UNITS = 12, 2
DIFFICULTIES = ("none", "some", "a_lot_or_unable")
ACTIVITIES = ("vigorous", "moderate", "light", "inactive")
CONDITIONS = "diabetes copd heart_failure chronic_kidney_disease cancer osteoporosis osteoarthritis depression".split()
MEDICATIONS = [*nhanes.MEDICATIONS, "other"]


class Person:
    """A person with a hidden frailty, about 0 at 55 years and 2 at 85."""

    def __init__(self, dice, unit_effect):
        self.dice = dice
        self.age = dice.randint(50, 85)
        self.is_male = dice.random() < 0.47
        self.frailty = (self.age - 55) / 15 + unit_effect + dice.gauss(0, 0.8)

    def step(self, names, first, width):
        """The later names with more frailty; a twelfth of the people did not answer."""
        if self.dice.random() < 1 / 12:
            return None
        reached = math.floor((self.frailty + self.dice.gauss(0, 0.7) - first) / width) + 1
        return names[min(max(reached, 0), len(names) - 1)]

    def chosen(self, names, share):
        """Each name with this share, more with more frailty; None without one."""
        found = [name for name in names if self.dice.random() < share * max(0.3, 1 + self.frailty / 2)]
        return found or None

    def near(self, mean, spread, digits):
        return round(self.dice.gauss(mean, spread), digits)

    def answers(self):
        lost = 0 if self.dice.random() < 0.7 else round(self.dice.random() * 8, 1)
        height = self.near(174 if self.is_male else 161, 6.5, 1)
        body_mass = max(16, self.dice.gauss(27, 4.5))
        return {
            "age": self.age,
            "sex": "male" if self.is_male else "female",
            "height_cm": height,
            "weight_kg": round(body_mass * (height / 100) ** 2, 1),
            "carrying_difficulty": self.step(DIFFICULTIES, 1, 0.9),
            "walking_difficulty": self.step(DIFFICULTIES, 1.6, 0.9),
            "chair_rise_difficulty": self.step(DIFFICULTIES, 1.2, 0.9),
            "stair_difficulty": self.step(DIFFICULTIES, 1.1, 0.9),
            "can_walk_1000_m": self.step((None, 0), 2, 1),
            "weight_loss_past_year_kg": lost,
            "weight_loss_unintended": self.dice.randint(0, 1) if lost else None,
            "hospital_stays_past_year": self.step((0, 1, 2, 3), 1.2, 0.8),
            "smoker": int(self.dice.random() < 0.2),
            "sleep_hours": self.dice.randint(8, 20) / 2,
            "fatigue": self.step(("rarely", "sometimes", "often"), 0.6, 1),
            "activity": self.step(ACTIVITIES, -0.2, 0.8),
            "medications": self.chosen(MEDICATIONS, 0.08),
            "medication_count": self.step(range(13), -0.5, 0.25),
            "conditions": self.chosen(CONDITIONS, 0.1),
            "vitamin_d_nmol_l": self.dice.randint(15, 120),
            "balance_trouble": self.step((0, 1), 1.5, 1),
            "falls_past_year": self.step((0, 1), 1.6, 1),
        }

    def outcomes(self, cycle):
        """Grip in the last two cycles, gait and mass in the first two, deaths in those between. A tenth was not measured."""
        if self.dice.random() < 0.1:
            return {}
        if cycle >= 2011:
            mean, slope, spread = (39, 4.5, 5.5) if self.is_male else (25, 3.2, 3.8)
            return {"grip_kg": max(1.0, self.near(mean - slope * self.frailty, spread, 1))}
        # A few calves are out of the range of the item and count as unanswered.
        calf = {"calf_circumference_cm": 75.0 if self.dice.random() < 0.01 else self.near(36, 3, 1)}
        if cycle >= 2003:
            risk = 1 / (1 + math.exp(2.6 - self.frailty))
            return {"died_5_years": int(self.dice.random() < risk), **calf}
        mass = self.near(23 if self.is_male else 16, 2.5, 2)
        return {
            "gait_m_s": max(0.1, self.near(1.12 - 0.16 * self.frailty, 0.16, 3)),
            "knee_force_n": max(20.0, self.near((430 if self.is_male else 290) - 40 * self.frailty, 60, 1)),
            **{f"alm_kg_{one}": round(mass + self.dice.gauss(0, 0.3), 2) for one in range(1, 6)},
            **calf,
        }


def people(count, seed):
    dice = random.Random(seed)
    for cycle in nhanes.CYCLES.values():
        for stratum in range(STRATA):
            for unit in range(UNITS):
                unit_effect = dice.gauss(0, 0.25)
                for _ in range(count):
                    person = Person(dice, unit_effect)
                    design = {
                        "cycle": cycle,
                        "stratum": cycle * 100 + stratum,
                        "psu": unit + 1,
                        "weight": round(math.exp(dice.gauss(9, 0.6)), 1),
                    }
                    yield design | person.answers() | person.outcomes(cycle)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("output", type=pathlib.Path)
    options.add_argument("--people", type=int, default=30, help="people in each sampling unit")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with gzip.open(chosen.output, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, nhanes.COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for number, row in enumerate(people(chosen.people, chosen.seed), 1):
            writer.writerow({"seqn": number} | {column: nhanes.cell(value) for column, value in row.items()})


if __name__ == "__main__":
    main()
