"""The total of points: the rules whose condition holds, added up by group.

An unanswered item makes a condition false.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from answers import Answers

Holds = Callable[[Answers], bool]

TESTS = {
    "is": operator.eq,
    "one_of": lambda value, wanted: value in wanted,
    "includes": operator.contains,
    "at_least": operator.ge,
    "at_most": operator.le,
    "more_than": operator.gt,
    "less_than": operator.lt,
}


class Finding(BaseModel):
    rule: str
    points: int


class Assessment(BaseModel):
    rule_table: str
    total: int
    band: str
    flagged: bool
    urgency: str | None
    findings: list[Finding]


def condition(when: dict) -> Holds:
    """A function from the answers to whether the condition holds."""
    if "all_of" in when:
        parts = [condition(part) for part in when["all_of"]]
        return lambda answers: all(holds(answers) for holds in parts)
    if "any_of" in when:
        parts = [condition(part) for part in when["any_of"]]
        return lambda answers: any(holds(answers) for holds in parts)
    if "by_age" in when:
        return by_age(when["item"], when["by_age"])
    read = operator.attrgetter(when["item"])
    checks = [(TESTS[name], wanted) for name, wanted in when.items() if name != "item"]

    def holds(answers: Answers) -> bool:
        value = read(answers)
        return value is not None and all(test(value, wanted) for test, wanted in checks)

    return holds


def by_age(item: str, rows: list[dict]) -> Holds:
    steps = [(row["from"], condition({"item": item} | {k: v for k, v in row.items() if k != "from"})) for row in rows]
    steps.reverse()

    def holds(answers: Answers) -> bool:
        if answers.age is None:
            return False
        return next((of_age(answers) for start, of_age in steps if answers.age >= start), False)

    return holds


@dataclass(frozen=True, slots=True)
class Rule:
    points: int
    finding: Finding
    holds: Holds


@dataclass(frozen=True, slots=True)
class Unit:
    """Rules that are added up together."""

    kind: str
    cap: int | None
    rules: list[Rule]

    def add_up(self, points: list[int]) -> int:
        if self.kind == "highest_of":
            return max(points, default=0)
        return min(sum(points), self.cap) if self.kind == "cap" else sum(points)


class RuleTable:
    def __init__(self, table: dict) -> None:
        self.version = table["rule_table"]
        self.bands = list(reversed(table["bands"]))
        self.units = []
        for unit in table["units"]:
            rules = [
                Rule(rule["points"], Finding(rule=rule["id"], points=rule["points"]), condition(rule["when"]))
                for rule in unit["rules"]
                if rule["points"] > 0
            ]
            self.units.append(Unit(unit["kind"], unit["cap"], rules))

    def score(self, answers: Answers) -> Assessment:
        total, findings = 0, []
        for unit in self.units:
            found = [rule for rule in unit.rules if rule.holds(answers)]
            findings += [rule.finding for rule in found]
            total += unit.add_up([rule.points for rule in found])
        band = next(band for band in self.bands if total >= band["from"])
        urgency = band["urgency"]
        return Assessment(
            rule_table=self.version,
            total=total,
            band=band["id"],
            flagged=urgency is not None,
            urgency=urgency,
            findings=findings,
        )
