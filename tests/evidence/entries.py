#!/usr/bin/env python3
"""Turns figures of `sarcoscreen rules evaluate --json` into entries of src/rules/evidence.toml, so that none is copied by hand.

    sarcoscreen rules evaluate 2026.3 2026.2 2026.1 --data nhanes.csv.gz --outcome low_grip_ewgsop2 --json > figures.json
    tests/evidence/entries.py figures.json 2026-12-31 >> src/rules/evidence.toml

The date is the day of the measurement. There is one entry for each table and outcome of the figures, in their order.
"""

import datetime
import json
import sys

NOTE = (
    "Items are another survey's questions, and what it did not ask counts as no points, so totals are lower bounds. It is no "
    "validation in a study of its own."
)
# The tables of which something was chosen on these data.
CHOSEN = {"2026.3": "The age points and the bands were chosen on these data, so the figures are optimistic."}
# The cycles in which an outcome was measured; the file has all.
CYCLES = {
    "low_grip_ewgsop2": "2011-2014", "low_grip_awgs_2019": "2011-2014", "slow_gait": "1999-2002", "weak_knees": "1999-2002",
    "low_muscle_mass": "1999-2002", "low_mass_with_weakness": "1999-2002", "death_5_years": "2003-2006",
}


def share(estimate):
    """A figure in per cent, with its interval if it has one."""
    parts = {"percent": estimate["value"], "low": estimate["low"], "high": estimate["high"]}
    return "{ " + ", ".join(f"{name} = {part * 100:.1f}" for name, part in parts.items() if part is not None) + " }"


def entry(document, outcome, total, day):
    text = json.dumps
    note = " ".join([NOTE, *filter(None, [CHOSEN.get(total["rule_table"])])])
    data = document["data"].replace("1999-2014", CYCLES.get(outcome.get("outcome"), "1999-2014"))
    lines = [
        "[[evidence]]",
        f"rule_table = {text(total['rule_table'])}",
        f"outcome = {text(outcome['name'])}",
        f"data = {text(data)}",
        f"measured_on = {text(day)}",
        f"people = {total['people']}",
        f"cases = {total['cases']}",
        f"area = {share(total['area'])}",
        f"note = {text(note)}",
    ]
    for cut_off in total["cut_offs"]:
        band = cut_off["cut_off"].split(",")[0]
        figures = (f"{name} = {share(cut_off[name])}" for name in ("flagged", "sensitivity", "specificity"))
        lines += ["", "[[evidence.bands]]", f"band = {text(band)}", *figures]
    return "\n".join(lines)


def main(arguments):
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    day = datetime.date.fromisoformat(arguments[1]).isoformat()
    with open(arguments[0], encoding="utf-8") as file:
        document = json.load(file)
    for outcome in document["outcomes"]:
        for total in outcome["predictors"]:
            if total["predictor"] == "total":
                print("\n" + entry(document, outcome, total, day))


if __name__ == "__main__":
    main(sys.argv[1:])
