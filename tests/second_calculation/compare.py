"""Compares results of the service, read as JSON lines, with the second calculation.

Prints `compared N, differences D` (D counts the lines that differ), and on standard error how often each red flag,
scored rule and missing figure was met. Exit status: 0 no difference, 1 differences, 2 nothing was compared or a line
could not be read, 3 a red flag fired so seldom that the comparison says little about it.
"""

import argparse
import gc
import json
import random
import sys
import time
from collections import Counter

from calculation import SCORED_RULES, calculate, calculate_with_rules
from random_answers import random_case
from red_flags import FIGURES, RED_FLAGS

SHOWN = 10
EXIT_SAME, EXIT_DIFFERENT, EXIT_UNUSABLE, EXIT_SELDOM = 0, 1, 2, 3
OFTEN_ENOUGH = 1000  # times that each red flag fires among a million lines
ABSENT = "(absent)"


class Unusable(Exception):
    """A line that cannot be compared; the comparison then proves nothing."""


def identical(ours, theirs):
    """Equal in value and in type: in Python `True` equals 1, and `12.0` equals 12."""
    kind = type(ours)
    if kind is not type(theirs):
        return False
    if kind is dict:
        if ours.keys() != theirs.keys():
            return False
        for key, value in ours.items():
            if not identical(value, theirs[key]):
                return False
        return True
    return ours == theirs


def differing_keys(ours, theirs, path=""):
    """(path, our value, their value) of every leaf that differs, including keys of one side only."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return [] if identical(ours, theirs) else [(path, ours, theirs)]
    found = []
    for key in sorted(ours.keys() | theirs.keys()):
        below = f"{path}.{key}" if path else key
        found += differing_keys(ours.get(key, ABSENT), theirs.get(key, ABSENT), below)
    return found


def show(number, case, ours, out):
    print(f"line {number}", file=out)
    print(f"  answers:  {json.dumps(case['answers'], sort_keys=True)}", file=out)
    print(f"  audience: {json.dumps(case['audience'])}  pathways: {json.dumps(case['pathways'])}", file=out)
    for path, our_value, their_value in differing_keys(ours, case["result"]):
        print(f"  {path}: service {json.dumps(their_value)}, second calculation {json.dumps(our_value)}", file=out)


def count_met(result, rules, met):
    for id_ in result["red_flags"]:
        met["red flag", id_] += 1
    for rule in rules:
        met["scored rule", rule] += 1
    for reason in result["flag_reasons"]:
        kind, _, id_ = reason.partition(":")
        if kind == "value_missing":
            met["missing figure", id_] += 1


def compare_lines(lines, out=None, met=None):
    """(compared, differing); the first differences are printed on `out` in full; `met` counts what the lines met."""
    compared = differing = 0
    decode = json.JSONDecoder().decode
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            case = decode(line)
            ours, rules = calculate_with_rules(case["answers"], case["audience"], case["pathways"])
            theirs = case["result"]
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise Unusable(f"line {number}: {type(fault).__name__}: {fault}\n  {line.strip()[:2000]}") from fault
        compared += 1
        if met is not None:
            count_met(ours, rules, met)
        if not identical(ours, theirs):
            differing += 1
            if differing <= SHOWN and out is not None:
                show(number, case, ours, out)
    return compared, differing


def everything_that_can_be_met():
    yield from (("red flag", flag.id) for flag in RED_FLAGS)
    yield from (("missing figure", item) for item in FIGURES)
    yield from (("scored rule", rule) for rule in SCORED_RULES)


def seldom(compared, met):
    """The red flags that fired fewer times than a thousand in a million."""
    least = OFTEN_ENOUGH * compared // 1_000_000
    return [flag.id for flag in RED_FLAGS if met["red flag", flag.id] < least]


def report(compared, differing, met):
    for kind, id_ in everything_that_can_be_met():
        print(f"{met[kind, id_]:9} {kind} {id_}", file=sys.stderr)
    print(f"compared {compared}, differences {differing}")
    if compared == 0:
        print("nothing was compared", file=sys.stderr)
        return EXIT_UNUSABLE
    if differing:
        return EXIT_DIFFERENT
    too_seldom = seldom(compared, met)
    if too_seldom:
        print(f"fired fewer than {OFTEN_ENOUGH} times in a million: {', '.join(too_seldom)}", file=sys.stderr)
        return EXIT_SELDOM
    return EXIT_SAME


def compare_input():
    met = Counter()
    try:
        compared, differing = compare_lines(sys.stdin, sys.stderr, met)
    except (Unusable, UnicodeDecodeError) as fault:
        print(f"cannot be compared: {fault}", file=sys.stderr)
        return EXIT_UNUSABLE
    return report(compared, differing, met)


def generated_line(generator):
    answers, audience, pathways = random_case(generator)
    result = calculate(answers, audience, pathways)
    return json.dumps({"answers": answers, "audience": audience, "pathways": pathways, "result": result}) + "\n"


def benchmark(count, seed):
    """Time of reading, calculating and comparing; generating the lines is not timed."""
    generator = random.Random(seed)
    compared = differing = 0
    met = Counter()
    seconds = 0.0
    while compared < count:
        lines = [generated_line(generator) for _ in range(min(10_000, count - compared))]
        start = time.perf_counter()
        batch_compared, batch_differing = compare_lines(lines, sys.stderr, met)
        seconds += time.perf_counter() - start
        compared += batch_compared
        differing += batch_differing
    if compared:
        print(f"{seconds / compared * 1e6:.1f} microseconds a line, seed {seed}")
    return report(compared, differing, met)


def run_self_test():
    import self_test

    checks = self_test.run()
    print(f"self-test passed, {checks} checks")
    return EXIT_SAME


def write_lines(count, seed):
    generator = random.Random(seed)
    for _ in range(count):
        sys.stdout.write(generated_line(generator))
    return EXIT_SAME


def natural(text):
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("not below 0")
    return number


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--self-test", action="store_true", help="run the worked vectors and the brute-force checks")
    mode.add_argument("--benchmark", type=natural, metavar="N", help="time N comparisons of generated lines")
    mode.add_argument("--write-lines", type=natural, metavar="N", help="write N generated lines to standard output")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (default 1)")
    return parser.parse_args()


def main():
    gc.disable()  # nothing here forms reference cycles; the collector would only cost time on the parsed answers
    chosen = arguments()
    if chosen.self_test:
        return run_self_test()
    if chosen.benchmark is not None:
        return benchmark(chosen.benchmark, chosen.seed)
    if chosen.write_lines is not None:
        return write_lines(chosen.write_lines, chosen.seed)
    return compare_input()


if __name__ == "__main__":
    sys.exit(main())
