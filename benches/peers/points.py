#!/usr/bin/env python3
"""Prints the points of a rule table as JSON, for the two peers to read.

    benches/peers/points.py src/rules/2026.3 > points.json

What the peers do not score is left out: instruments, pathways, red flags, texts, sources.
"""

import json
import pathlib
import sys
import tomllib

LIMITS = {"at_least", "at_most", "more_than", "less_than"}
TESTS = LIMITS | {"is", "one_of", "includes"}


def simple(when: dict) -> bool:
    """Whether a condition needs no instrument, no test that a person may be unable to do, and no limit by sex."""
    if parts := when.get("all_of") or when.get("any_of"):
        return len(when) == 1 and all(simple(part) for part in parts)
    if rows := when.get("by_age"):
        return when.keys() == {"item", "by_age"} and all(row.keys() - {"from"} <= LIMITS for row in rows)
    numbers = all(isinstance(when[limit], int | float) for limit in when.keys() & LIMITS)
    return "item" in when and len(when) > 1 and when.keys() <= TESTS | {"item"} and numbers


def units(table: dict) -> list[dict]:
    """The parts that add up to the total, in the order of the table: groups of rules, and rules without a group."""
    groups = {group["id"]: {"kind": group["kind"], "cap": group.get("cap"), "rules": []} for group in table["groups"]}
    found = []
    for rule in table["rules"]:
        if not simple(rule["when"]):
            sys.exit(f"The peers cannot evaluate the condition of the rule {rule['id']}.")
        unit = groups[rule["group"]] if "group" in rule else {"kind": "single", "cap": None, "rules": []}
        if not unit["rules"]:
            found.append(unit)
        unit["rules"].append({"id": rule["id"], "points": rule["points"], "when": rule["when"]})
    return found


def main(folder: pathlib.Path) -> None:
    table = tomllib.loads((folder / "table.toml").read_text())
    bands = [{"id": band["id"], "from": band["from"], "urgency": band.get("urgency")} for band in table["bands"]]
    points = {"rule_table": table["version"], "bands": bands, "units": units(table)}
    json.dump(points, sys.stdout, indent=1)


main(pathlib.Path(sys.argv[1]))
