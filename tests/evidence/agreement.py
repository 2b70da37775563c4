#!/usr/bin/env python3
"""Compares `sarcoscreen rules evaluate` with scikit-learn on random subsets of a file in the form of the survey's.

    .ci/evidence                       on made-up people
    .ci/evidence NHANES.csv.gz         on the survey's file
    tests/evidence/agreement.py PROGRAM DATA.csv.gz [--subsets 5] [--seed 1]

.ci/evidence installs numpy and scikit-learn and runs this. PROGRAM is the built program, DATA the file of nhanes.py or of
made_up.py. Each subset is a random half of the people. The program's figures for table 2026.3 are compared with figures that
share no code with it: totals and SARC-F from tests/second_calculation, areas, four-fold tables and logistic models from
scikit-learn, tenths and intervals from numpy, with other random numbers.

Prints the greatest difference of each kind in each subset, with its limit. The ends of intervals come from different
replicates, so they differ by chance. An end of 1,000 replicates has a standard error of about 0.08 standard errors of the
figure, the difference of two ends 0.12; the limit is half a standard error. Exit status: 0 within all limits, 1 not,
2 unusable input.
"""

import argparse
import csv
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_auc_score

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "second_calculation"))
from calculation import calculate  # noqa: E402

TABLE = "2026.3"
OUTCOMES = ("low_grip_ewgsop2", "slow_gait", "death_5_years")
REPLICATES = 1000
FLAGS = "can_walk_1000_m weight_loss_unintended smoker balance_trouble".split()
SETS = "conditions medications".split()
CHOICES = "sex carrying_difficulty walking_difficulty chair_rise_difficulty stair_difficulty fatigue activity".split()
WHOLE = "age hospital_stays_past_year medication_count vitamin_d_nmol_l falls_past_year".split()
DECIMALS = "height_cm weight_kg weight_loss_past_year_kg sleep_hours calf_circumference_cm".split()
# What the same answer is called in the table.
LATER = {"systemic_corticosteroid": "systemic_corticosteroid_3_weeks", "chemotherapy": "chemotherapy_past_year"}
# The greatest difference that rounding explains. The program keeps log odds in thousandths.
LIMITS = {"area": 1e-9, "area of the model": 1e-3, "at cut-offs": 1e-9, "edges of tenths": 0, "observed": 1e-9,
          "expected": 1e-4, "difference": 1e-9, "ends of intervals, in standard errors": 0.5}
# The groups of people by their names.
GROUPS = {
    "women": lambda people: people.sex == "female",
    "men": lambda people: people.sex == "male",
    "under 60": lambda people: people.age < 60,
    "60 to 69": lambda people: (people.age >= 60) & (people.age < 70),
    "70 to 79": lambda people: (people.age >= 70) & (people.age < 80),
    "80 and over": lambda people: people.age >= 80,
}


def answers_of(row):
    """The answers of a row under the table. An impossible one is unanswered."""
    answers = {name: row[name] for name in CHOICES if row[name]}
    answers |= {name: float(row[name]) == 1 for name in FLAGS if row[name]}
    answers |= {name: int(float(row[name])) for name in WHOLE if row[name]}
    answers |= {name: float(row[name]) for name in DECIMALS if row[name]}
    answers |= {name: [LATER.get(option, option) for option in row[name].split("|")] for name in SETS if row[name]}
    if "medication_count" in answers:
        answers["regular_medication_count"] = answers.pop("medication_count")
    if not 15 <= answers.get("calf_circumference_cm", 15) <= 70:
        del answers["calf_circumference_cm"]
    if {"weight_kg", "height_cm"} <= answers.keys():
        if not 10 <= answers["weight_kg"] / (answers["height_cm"] / 100) ** 2 <= 80:
            del answers["weight_kg"]
    if answers.get("weight_loss_past_year_kg", 0) > answers.get("weight_kg", 1000):
        del answers["weight_loss_past_year_kg"]
    return answers


def has(row, rule, age_from):
    """Whether the person has the outcome; None if it is not known."""
    if not row[rule["column"]] or float(row["age"]) < rule.get("age_from", age_from):
        return None
    value = float(row[rule["column"]])
    limit = lambda cut_off: cut_off[row["sex"]] if isinstance(cut_off, dict) else cut_off
    if "less_than" in rule:
        return value < limit(rule["less_than"])
    return value <= limit(rule["at_most"]) if "at_most" in rule else value >= limit(rule["at_least"])


class People:
    """The people of a subset in whom an outcome is known, as arrays."""

    def __init__(self, rows, rule, age_from):
        known = [row for row in rows if has(row, rule, age_from) is not None]
        self.case = np.array([has(row, rule, age_from) for row in known])
        self.sex = np.array([row["sex"] for row in known])
        self.age = np.array([float(row["age"]) for row in known])
        self.weight = np.array([float(row["weight"]) for row in known])
        self.cycle = np.array([row["cycle"] for row in known])
        results = [calculate(answers_of(row)) for row in known]
        self.scores = {
            "age": self.age,
            "sarc_f": np.array([result["instruments"]["sarc_f"]["lower"] for result in results]),
            "total": np.array([result["lower"] for result in results]),
        }
        self.scores["age_with_sarc_f"] = self.odds(np.column_stack([self.scores["age"], self.scores["sarc_f"]]))
        # The units of every stratum that has one of these people; also units that have none of them.
        strata = {row["stratum"] for row in known}
        units = sorted({(row["stratum"], row["psu"]) for row in rows if row["stratum"] in strata})
        place = {unit: index for index, unit in enumerate(units)}
        self.unit = np.array([place[row["stratum"], row["psu"]] for row in known])
        self.strata = [[place[unit] for unit in units if unit[0] == stratum] for stratum in sorted(strata)]

    def odds(self, inputs):
        """The log odds of each person by a model of the other cycles."""
        odds = np.zeros(len(self.case))
        for cycle in np.unique(self.cycle):
            own = self.cycle == cycle
            # The penalty of so great a C is nothing.
            model = LogisticRegression(C=1e12, solver="newton-cholesky", tol=1e-10, max_iter=1000)
            model.fit(inputs[~own], self.case[~own], sample_weight=self.weight[~own] / self.weight.mean())
            odds[own] = model.decision_function(inputs[own])
        return odds

    def replicate(self, random):
        """The weights of a replicate: of n units of a stratum n - 1 are drawn, and weigh n / (n - 1) for each draw."""
        factors = np.zeros(sum(map(len, self.strata)))
        for units in self.strata:
            count = len(units)
            factors[units] = random.multinomial(count - 1, np.full(count, 1 / count)) * count / (count - 1)
        return self.weight * factors[self.unit]


def area(score, case, weight):
    """As roc_auc_score, fast: the weight of the pairs that a case wins, and half of those that tie."""
    _, place = np.unique(score, return_inverse=True)
    cases = np.bincount(place, weight * case)
    others = np.bincount(place, weight * ~case)
    below = np.cumsum(others) - others
    return (cases * (below + others / 2)).sum() / (cases.sum() * others.sum())


def off(found, value):
    """How far a figure of the program is from a value. An absent figure must be one that the data do not determine."""
    if found is None:
        return 0.0 if not np.isfinite(value) else np.inf
    return abs(found - value)


def four_fold(flagged, case, weight):
    """Flagged, sensitivity, specificity, predictive values and likelihood ratios."""
    table = confusion_matrix(case, flagged, labels=[False, True], sample_weight=weight)
    (passed, wrong), (missed, found) = table
    with np.errstate(divide="ignore", invalid="ignore"):
        sensitivity, specificity = found / (found + missed), passed / (passed + wrong)
        return {
            "flagged": (found + wrong) / table.sum(),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "positive_predictive_value": found / (found + wrong),
            "negative_predictive_value": passed / (passed + missed),
            "positive_likelihood_ratio": sensitivity / (1 - specificity),
            "negative_likelihood_ratio": (1 - sensitivity) / specificity,
        }


def at_cut_offs(cut_offs, score, case, weight):
    for cut_off in cut_offs:
        least = int(re.search(r"\d+", cut_off["cut_off"])[0])
        for name, value in four_fold(score >= least, case, weight).items():
            yield "at cut-offs", off(cut_off[name]["value"], value)


def tenths(score, weight):
    """The lowest and the highest score of each tenth: equal scores belong to the tenth in which the middle of them lies."""
    values, place = np.unique(score, return_inverse=True)
    weights = np.bincount(place, weight)
    before = np.cumsum(weights) - weights
    tenth = np.floor(10 * (before + weights / 2) / weights.sum())
    return [(values[tenth == one].min(), values[tenth == one].max()) for one in np.unique(tenth)]


def calibration(found, score, risk, case, weight):
    """The tenths of a score: their edges, and the observed and the expected share in each."""
    edges = [tuple(float(end) for end in (tenth["class"].split(" to ") * 2)[:2]) for tenth in found]
    yield "edges of tenths", 0.0 if edges == tenths(score, weight) else 1.0
    for tenth, (low, high) in zip(found, edges):
        own = (score >= low) & (score <= high)
        yield "observed", off(tenth["observed"]["value"], np.average(case[own], weights=weight[own]))
        yield "expected", off(tenth["expected"], np.average(risk[own], weights=weight[own]))


def in_groups(figures, score, risk, people):
    """Women, men and ranges of ages: a group of few people has no area, cut-offs and calibration."""
    for group in figures["groups"]:
        own = GROUPS[group["group"]](people)
        case, weight = people.case[own], people.weight[own]
        yield "observed", off(group["prevalence"]["value"], np.average(case, weights=weight))
        yield "expected", off(group["expected"], np.average(risk[own], weights=weight))
        if group["area"] is None:
            if min(case.sum(), (~case).sum()) >= 10:
                yield "area", np.inf
            continue
        yield "area", off(group["area"]["value"], roc_auc_score(case, score[own], sample_weight=weight))
        yield from at_cut_offs(group["cut_offs"], score[own], case, weight)
        yield from calibration(group["calibration"], score[own], risk[own], case, weight)


def ends(estimate, replicates):
    """How far the ends of an interval are from those of other replicates, in standard errors."""
    error = np.std(replicates)
    low, high = np.percentile(replicates, [2.5, 97.5])
    return max(abs(estimate["low"] - low), abs(estimate["high"] - high)) / error


def compared(outcome, people, random):
    """Pairs of a kind of figure and a difference."""
    named = {figures["predictor"]: figures for figures in outcome["predictors"] if figures["rule_table"] in (None, TABLE)}
    scores = people.scores
    replicates = {name: [] for name in scores}
    for _ in range(REPLICATES):
        weight = people.replicate(random)
        for name, score in scores.items():
            replicates[name].append(area(score, people.case, weight))
    for name, score in scores.items():
        figures = named[name]
        kind = "area of the model" if name == "age_with_sarc_f" else "area"
        yield kind, abs(figures["area"]["value"] - roc_auc_score(people.case, score, sample_weight=people.weight))
        yield "ends of intervals, in standard errors", ends(figures["area"], np.array(replicates[name]))
    for name in ("age", "sarc_f", "total"):
        yield from at_cut_offs(named[name]["cut_offs"], scores[name], people.case, people.weight)
    for name in ("age", "total"):
        risk = 1 / (1 + np.exp(-people.odds(scores[name].reshape(-1, 1))))
        yield from calibration(named[name]["calibration"], scores[name], risk, people.case, people.weight)
        yield from in_groups(named[name], scores[name], risk, people)
    less = next(one for one in outcome["differences"] if one["of"] == f"total {TABLE}" and one["minus"] == "age")
    both = [area(scores[name], people.case, people.weight) for name in ("total", "age")]
    yield "difference", abs(less["area"]["value"] - (both[0] - both[1]))
    paired = np.array(replicates["total"]) - np.array(replicates["age"])
    yield "ends of intervals, in standard errors", ends(less["area"], paired)


def evaluated(program, data, seed):
    command = [program, "rules", "evaluate", TABLE, "--data", data, "--description", HERE / "nhanes.toml", "--json"]
    command += ["--replicates", str(REPLICATES), "--seed", str(seed)]
    for name in OUTCOMES:
        command += ["--outcome", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(2)
    return {outcome["outcome"]: outcome for outcome in json.loads(done.stdout)["outcomes"]}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    options.add_argument("data", type=pathlib.Path)
    options.add_argument("--subsets", type=int, default=5)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    description = tomllib.loads((HERE / "nhanes.toml").read_text(encoding="utf-8"))
    rules = description["outcomes"]
    with gzip.open(chosen.data, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    good = True
    for subset in range(chosen.subsets):
        random = np.random.default_rng([chosen.seed, subset])
        half = [row for row, drawn in zip(rows, random.random(len(rows)) < 0.5) if drawn]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "half.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(half)
            outcomes = evaluated(chosen.program, path, chosen.seed + subset)
        for name in OUTCOMES:
            people = People(half, rules[name], description["age_from"])
            greatest = dict.fromkeys(LIMITS, 0.0)
            for kind, difference in compared(outcomes[name], people, random):
                greatest[kind] = max(greatest[kind], difference)
            print(f"subset {subset + 1}, {name}: {len(people.case)} people, {people.case.sum()} with it")
            for kind, difference in greatest.items():
                within = difference <= LIMITS[kind]
                good &= bool(within)
                print(f"  {kind:40} {difference:9.2g}  limit {LIMITS[kind]:.2g}{'' if within else '  EXCEEDED'}")
            if outcomes[name]["people"] != len(people.case) or outcomes[name]["cases"] != people.case.sum():
                good = False
                print("  the program counts other people")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
