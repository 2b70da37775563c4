#!/usr/bin/env python3
"""Plants twelve scoring bugs that were found in other systems, one by one, and checks that the tests catch each.

    tests/long/planted_bugs.py                     all twelve
    tests/long/planted_bugs.py --only 7            one of them, with all its variants (or one: --only 11b)
    tests/long/planted_bugs.py --target-dir DIR    compile in DIR, so that the next run there is faster
    tests/long/planted_bugs.py --check             only check that every bug still has its place in the code; seconds

A bug is caught if the named test runs, fails, and reports the cases that were written against this bug (for 5a: the
fault for which the table is refused before any case). A plant that does not compile is broken, not caught. A bug with
variants is caught if all of them are. The script works in copies of the tracked files and only reads the working tree.
The last line is `12 planted, N caught`. Exit status: 0 all caught, 1 some not caught, 2 no result.
"""

import argparse
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXIT_CAUGHT, EXIT_NOT_CAUGHT, EXIT_UNUSABLE = 0, 1, 2

INSTRUMENTS = "src/rules/2026.3/instruments.toml"
PATHWAYS = "src/rules/2026.3/pathways.toml"
INSTRUMENT = "src/domain/screening/instrument.rs"
CONDITION = "src/domain/screening/condition.rs"
ANSWERS = "src/domain/screening/answers.rs"
SUBMISSION = "src/http/v1/submissions/body.rs"
SCORE = "src/http/v1/screening/scores.rs"

SCORING = ("contract", "scoring::every_case_of_2026_3_scores_as_it_says")
BODIES = ("api", "bodies::a_result_that_the_client_sets_is_refused")
A_SET_SCORE = '{"score": {"total": 0, "lower": 0, "upper": 0}, "answers":'


@dataclass(frozen=True)
class Plant:
    """One bug, or one variant of it (a letter after the number)."""

    number: str
    bug: str
    """(file, original text, replacement)"""
    edits: tuple
    """(test binary, test)"""
    test: tuple
    """What the failing test must report: its cases, or the fault for which the table is refused before any case."""
    cases: tuple

    def is_of(self, number: str) -> bool:
        return number in (self.number, self.number.rstrip("abcdef"))


PLANTS = (
    Plant(
        "1", "SARC-F inverted: positive at 4 and below",
        ((INSTRUMENTS, 'positive_when = "at_least"\ncut_off = 4\n', 'positive_when = "at_most"\ncut_off = 4\n'),),
        SCORING,
        ("bug 1: SARC-F is not inverted, 0 is negative", "bug 1: SARC-F is not inverted, 3 is negative",
         "bug 1: SARC-F is not inverted, 10 is positive"),
    ),
    Plant(
        "2", "sex ignored: the grip limits of men for all",
        (
            (PATHWAYS, "less_than = { female = 16, male = 27 }", "less_than = 27"),
            (PATHWAYS, "less_than = { female = 18, male = 28 }, unable", "less_than = 28, unable"),
            (PATHWAYS, "{ from = 50, less_than = { female = 20, male = 34 } }", "{ from = 50, less_than = 34 }"),
            (PATHWAYS, "{ from = 65, less_than = { female = 18, male = 28 } }", "{ from = 65, less_than = 28 }"),
            (PATHWAYS, "less_than = { female = 20, male = 35.5 }", "less_than = 35.5"),
        ),
        SCORING,
        ("bug 2: sex is not ignored, a woman's 20.0 kg is normal under AWGS 2019",
         "ewgsop2 cut-off grip female at 0: 16.0 kg is not low",
         "awgs_2025 cut-off grip female 50 to 64 at 0: 20.0 kg is not low",
         "awgs_2025 cut-off grip female from 65 at 0: 18.0 kg is not low",
         "sdoc cut-off grip female at 0: 20.0 kg is not low"),
    ),
    Plant(
        "3a", "the client's result is taken along with a submission",
        ((SUBMISSION, "#[serde(deny_unknown_fields)]\n#[schema(as = SubmissionInput)]",
          "#[schema(as = SubmissionInput)]"),),
        BODIES, (A_SET_SCORE, "left: 201\n right: 422"),
    ),
    Plant(
        "3b", "the client's result is taken along with answers to score",
        ((SCORE, "#[serde(deny_unknown_fields)]\n#[schema(as = ScoreInput)]", "#[schema(as = ScoreInput)]"),),
        BODIES, (A_SET_SCORE, "left: 200\n right: 422"),
    ),
    Plant(
        "3c", "the client's result is taken among the answers",
        ((ANSWERS,
          'preguntas",\n                        ),\n                    )\n                };\n                faults.extend(reported.then(fault));\n',
          'preguntas",\n                        ),\n                    )\n                };\n'),),
        SCORING,
        ("bug 3: a result set by the client is refused", "bug 3: a suggestion set by the client is refused",
         "bug 3: an instrument's total set by the client is refused"),
    ),
    Plant(
        "4a", "a missing item counts as zero points",
        ((INSTRUMENT, "Truth::Unknown => open = open.or(Bounds::exactly(*points)),",
          "Truth::Unknown => open = Bounds::ZERO,"),),
        SCORING,
        ("bug 4: a missing SARC-F answer is not zero", "bug 4: a missing SPPB is not zero",
         "bug 4: a missing MSRA answer is neither its worst nor its best"),
    ),
    Plant(
        "4b", "a missing measurement counts as zero in a pathway",
        ((CONDITION, "Self::OrUnable { measured, .. } if view.answers.get(*measured).is_none() => Truth::Unknown,",
          "Self::OrUnable { measured, .. } if view.answers.get(*measured).is_none() => Truth::True,"),),
        SCORING, ("bug 4: a missing grip is not a grip of zero",),
    ),
    Plant(
        "5a", "the cut-off drifts: the table says SARC-F from 11",
        ((INSTRUMENTS, 'positive_when = "at_least"\ncut_off = 4\n', 'positive_when = "at_least"\ncut_off = 11\n'),),
        SCORING, ('"instruments.sarc_f", message: "the cut-off is outside the reachable range 0 to 10"',),
    ),
    Plant(
        "5b", "the cut-off drifts: the table says 4, the code judges SARC-F from 11",
        ((INSTRUMENT,
          "Outcome::of(bounds.lower >= cut_off, bounds.upper < cut_off)\n            }\n            Method::Linear",
          "let drifted = if cut_off == 4 { 11 } else { cut_off };\n"
          "                Outcome::of(bounds.lower >= drifted, bounds.upper < drifted)\n            }\n"
          "            Method::Linear"),),
        SCORING,
        ("bug 5: cut-offs do not drift, 4 refers on SARC-F and not on SARC-CalF",
         "bug 5: cut-offs do not drift, 10 is positive on SARC-F and negative on SARC-CalF and SARC-F+EBM"),
    ),
    Plant(
        "5c", "the cut-off drifts: SARC-CalF from 4",
        ((INSTRUMENTS, "cut_off = 11\n", "cut_off = 4\n"),),
        SCORING,
        ("bug 5: cut-offs do not drift, 4 refers on SARC-F and not on SARC-CalF",
         "bug 5: cut-offs do not drift, 10 is positive on SARC-F and negative on SARC-CalF and SARC-F+EBM"),
    ),
    Plant(
        "6a", "the boundary counts: a grip of exactly 20 or 35.5 kg is low in SDOC",
        ((PATHWAYS, "less_than = { female = 20, male = 35.5 }", "at_most = { female = 20, male = 35.5 }"),),
        SCORING,
        ("sdoc cut-off grip male at 0: 35.5 kg is not low", "sdoc cut-off grip female at 0: 20.0 kg is not low"),
    ),
    Plant(
        "6b", "the boundary counts: a grip of exactly 18 or 28 kg is low in AWGS 2019",
        ((PATHWAYS, "less_than = { female = 18, male = 28 }, unable",
          "at_most = { female = 18, male = 28 }, unable"),),
        SCORING,
        ("bug 6: the boundary of a less-than cut-off is not low, grip 28.0 and calf 34.0 under AWGS 2019",
         "awgs_2019 cut-off grip female at 0: 18.0 kg is not low"),
    ),
    Plant(
        "6c", "the boundary does not count: a calf of exactly 33 or 34 cm is not low in SARC-CalF",
        ((INSTRUMENTS, "at_most = { female = 33, male = 34 }", "less_than = { female = 33, male = 34 }"),),
        SCORING,
        ("bug 6: the boundary of an at-most cut-off is low, calf 33.0 of a woman in SARC-CalF",),
    ),
    Plant(
        "7a", "a measurement is cut: a calf of 33.9 cm counts as 33",
        ((CONDITION, "                (get(item)?, i64::from(scale))\n",
          "                let calf = item == Item::CalfCircumferenceCm;\n"
          "                let value = get(item)?;\n"
          "                (if calf { value - value % i64::from(scale) } else { value }, i64::from(scale))\n"),),
        SCORING,
        ("bug 7: a measurement is not cut, a woman's 33.9 cm is not 33",
         "bug 7: a measurement is not cut, a man's 34.9 cm is not 34"),
    ),
    Plant(
        "7b", "a measurement is cut: 15.90 s count as 15",
        ((CONDITION, "                (get(item)?, i64::from(scale))\n",
          "                let value = get(item)?;\n"
          "                (value - value % i64::from(scale), i64::from(scale))\n"),),
        SCORING, ("bug 7: a measurement is not cut, 15.90 s is over 15",),
    ),
    Plant(
        "8", "the wrong guard: SARC-CalF waits for a grip, which it does not use",
        ((INSTRUMENT, "        match &self.method {\n            Method::Sum { components, .. } => {\n",
          '        if &*self.id == "sarc_calf" && answers.get(Item::GripStrengthKg).is_none() {\n'
          "            return Reading { bounds: None, open: true, outcome: Outcome::Undetermined };\n"
          "        }\n"
          "        match &self.method {\n            Method::Sum { components, .. } => {\n"),),
        SCORING, ("bug 8: SARC-CalF needs no arm circumference",),
    ),
    Plant(
        "9", "outdated criteria: the grip limits of 2010, 30 and 20 kg, in EWGSOP2",
        ((PATHWAYS, "less_than = { female = 16, male = 27 }", "less_than = { female = 20, male = 30 }"),),
        SCORING,
        ("bug 9: a man's 29.0 kg is low by the criteria of 2010 and by none of today's",
         "bug 9: a woman's 19.0 kg is low by the criteria of 2010 and by none of today's"),
    ),
    Plant(
        "10", "another tool of the same name: the five yes-or-no questions from Thailand as MSRA-5",
        (
            (INSTRUMENTS, "cut_off = 45\n", "cut_off = 3\n"),
            (
                INSTRUMENTS,
                "steps = [{ less_than = 70, points = 5 }]\n[[instruments.components]]\n"
                'item = "hospital_stays_past_year"\nsteps = [{ is = 0, points = 15 }, { is = 1, points = 10 }]\n'
                '[[instruments.components]]\nitem = "can_walk_1000_m"\nsteps = [{ is = true, points = 15 }]\n'
                '[[instruments.components]]\nitem = "protein_daily"\nsteps = [{ is = true, points = 15 }]\n'
                '[[instruments.components]]\nitem = "weight_loss_past_year_kg"\n'
                "steps = [{ at_most = 2, points = 10 }]\n",
                "steps = [{ at_most = 70, points = 1 }]\n[[instruments.components]]\n"
                'item = "chair_rise_difficulty"\nsteps = [{ one_of = ["none", "some"], points = 1 }]\n'
                '[[instruments.components]]\nitem = "can_walk_1000_m"\nsteps = [{ is = true, points = 1 }]\n'
                '[[instruments.components]]\nitem = "calf_circumference_cm"\n'
                "steps = [{ more_than = 31, points = 1 }]\n"
                '[[instruments.components]]\nitem = "weight_loss_past_year_kg"\n'
                "steps = [{ at_most = 2, points = 1 }]\n",
            ),
        ),
        SCORING,
        ("bug 10: MSRA-5 is not its Thai namesake, chair rise and calf count nothing",
         "bug 10: MSRA-5 is not its Thai namesake, it has 60 points and an age of 70 is old"),
    ),
    Plant(
        "11a", "a misprinted comparator: AWGS 2019 chair stands over 12 s",
        ((PATHWAYS, '"five_chair_stands_s", at_least = 12', '"five_chair_stands_s", more_than = 12'),),
        SCORING, ("bug 11: AWGS 2019 chair stands are low at 12.00 s",),
    ),
    Plant(
        "11b", "a misprinted comparator: EWGSOP2 chair stands of 15 s and more",
        ((PATHWAYS, '"five_chair_stands_s", more_than = 15', '"five_chair_stands_s", at_least = 15'),),
        SCORING, ("bug 11: EWGSOP2 chair stands are not low at 15.00 s",),
    ),
    Plant(
        "11c", "a misprinted comparator: EWGSOP2 gait below 0.8 m/s",
        ((PATHWAYS, '"gait_speed_m_s", at_most = 0.8', '"gait_speed_m_s", less_than = 0.8'),),
        SCORING, ("bug 11: a gait of 0.80 m/s is low for EWGSOP2, not for SDOC, low for AWGS 2019",),
    ),
    Plant(
        "11d", "a misprinted comparator: SDOC gait of 0.8 m/s and below",
        ((PATHWAYS, '"gait_speed_m_s", less_than = 0.8', '"gait_speed_m_s", at_most = 0.8'),),
        SCORING, ("bug 11: a gait of 0.80 m/s is low for EWGSOP2, not for SDOC, low for AWGS 2019",),
    ),
    Plant(
        "11e", "a misprinted comparator: AWGS 2019 gait of 1.0 m/s and below",
        ((PATHWAYS, '"gait_speed_m_s", less_than = 1.0', '"gait_speed_m_s", at_most = 1.0'),),
        SCORING, ("bug 11: a gait of 1.00 m/s is low under no definition",),
    ),
    Plant(
        "12a", "the wrong direction: MSRA-7 positive at 30 and above",
        ((INSTRUMENTS, 'positive_when = "at_most"\ncut_off = 30\n', 'positive_when = "at_least"\ncut_off = 30\n'),),
        SCORING,
        ("bug 12: MSRA runs downwards, 40 and 60 are negative", "bug 12: MSRA runs downwards, 0 and 0 are positive"),
    ),
    Plant(
        "12b", "the wrong direction: MSRA-5 positive at 45 and above",
        ((INSTRUMENTS, 'positive_when = "at_most"\ncut_off = 45\n', 'positive_when = "at_least"\ncut_off = 45\n'),),
        SCORING,
        ("bug 12: MSRA runs downwards, 40 and 60 are negative", "bug 12: MSRA runs downwards, 0 and 0 are positive"),
    ),
    Plant(
        "12c", "the wrong direction: SPPB positive at 8 and above",
        ((INSTRUMENTS, 'positive_when = "at_most"\ncut_off = 8\n', 'positive_when = "at_least"\ncut_off = 8\n'),),
        SCORING, ("bug 12: SPPB runs downwards, 12 is negative",),
    ),
)


class Unusable(Exception):
    """An error that prevents a result for any bug."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def workshop(target: pathlib.Path | None):
    """The folder of the copies and the folder to compile in. The copies always have the same path in the latter, so that
    the compiler can reuse its work."""
    with tempfile.TemporaryDirectory(prefix="planted-bugs-") as temporary:
        target = (target or pathlib.Path(temporary, "target")).resolve()
        if target.is_relative_to(ROOT):
            raise Unusable(f"{target} is inside the working tree: name a folder outside")
        folder = target / "planted_bugs"
        folder.mkdir(parents=True, exist_ok=True)
        with open(target / "planted_bugs.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Unusable(f"another run is using {target}") from None
            try:
                yield folder, target
            finally:
                shutil.rmtree(folder)


def snapshot(to: pathlib.Path) -> None:
    """Copies the tracked files of the working tree with their current content."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    for name in filter(None, os.fsdecode(listed).split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)


def fresh_copy(original: pathlib.Path, copy: pathlib.Path) -> None:
    """Replaces the copy. Times are not preserved: for the compiler every file is new."""
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(original, copy, copy_function=shutil.copy)


def plant(bug: Plant, copy: pathlib.Path, *, only_check: bool = False) -> None:
    for file, text_before, instead in bug.edits:
        text = (copy / file).read_text(encoding="utf-8")
        found = text.count(text_before)
        if found != 1:
            raise Unusable(f"bug {bug.number}: this text must occur once in {file}, not {found} times:\n{text_before}")
        if not only_check:
            (copy / file).write_text(text.replace(text_before, instead), encoding="utf-8")


def cargo(copy: pathlib.Path, target: pathlib.Path, *arguments: str) -> tuple[bool, str]:
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "CARGO_TERM_COLOR": "never", "RUST_BACKTRACE": "0"}
    run = subprocess.run(
        ["cargo", "test", "--locked", *arguments], cwd=copy, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )
    return run.returncode == 0, run.stdout


def run_test(copy: pathlib.Path, target: pathlib.Path, test: tuple) -> tuple[str, str]:
    """`passed`, `failed`, `broken` (does not compile) or `absent` (not exactly one test with that name), and the output."""
    binary, name = test
    compiled, output = cargo(copy, target, "--test", binary, "--no-run")
    if not compiled:
        return "broken", output
    _, output = cargo(copy, target, "--test", binary, "--", "--exact", name)
    summary = re.search(r"^test result: \w+\. (\d+) passed; (\d+) failed;", output, re.MULTILINE)
    counts = summary.groups() if summary else None
    return {("1", "0"): "passed", ("0", "1"): "failed"}.get(counts, "absent"), output


def tail(output: str) -> str:
    return "\n".join(output.splitlines()[-30:])


def control(copy: pathlib.Path, target: pathlib.Path, tests: list) -> None:
    for test in tests:
        say(f"control: {test[0]} {test[1]}")
        state, output = run_test(copy, target, test)
        if state != "passed":
            raise Unusable(f"without any bug, {test[1]} is {state}:\n{tail(output)}")


def judge(bug: Plant, state: str, output: str) -> tuple[bool, str]:
    """Whether the bug was caught, and a description."""
    if state == "broken":
        error = re.search(r"^error.*", output, re.MULTILINE)
        return False, f"BROKEN PLANT, it does not compile: {error.group() if error else tail(output)}"
    if state != "failed":
        return False, f"NOT CAUGHT: the test {state}"
    missed = [case for case in bug.cases if case not in output]
    if missed:
        say(tail(output))
        return False, f"NOT CAUGHT: the test failed, but does not report {missed[0]!r}"
    differing = sum(", expected " in line for line in output.splitlines())
    more = f" (one of {differing} differences)" if differing else ""
    return True, f"{bug.cases[0]}{more}"


def run(bugs: list, target: pathlib.Path | None) -> int:
    caught = {}
    with workshop(target) as (folder, target):
        original, copy = folder / "original", folder / "repository"
        snapshot(original)
        for bug in bugs:
            fresh_copy(original, copy)
            plant(bug, copy)
        fresh_copy(original, copy)
        control(copy, target, list(dict.fromkeys(bug.test for bug in bugs)))
        for place, bug in enumerate(bugs, 1):
            say(f"{place}/{len(bugs)}: bug {bug.number}, {bug.bug}")
            fresh_copy(original, copy)
            plant(bug, copy)
            begun = time.monotonic()
            is_caught, words = judge(bug, *run_test(copy, target, bug.test))
            say(f"{place}/{len(bugs)}: {'caught' if is_caught else 'not caught'} in {time.monotonic() - begun:.0f} s")
            number = re.match(r"\d+", bug.number).group()
            caught[number] = caught.get(number, True) and is_caught
            files = ", ".join(dict.fromkeys(file for file, _, _ in bug.edits))
            print(f"{bug.number:<3} {bug.bug} | {files} | {bug.test[1]} | {words}", flush=True)
    print(f"{len(caught)} planted, {sum(caught.values())} caught")
    return EXIT_CAUGHT if all(caught.values()) else EXIT_NOT_CAUGHT


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="N", help="one bug by its number")
    parser.add_argument("--target-dir", metavar="DIR", type=pathlib.Path, help="where to compile, outside the tree")
    parser.add_argument("--check", action="store_true", help="only check that every bug has its place in the code")
    options = parser.parse_args()
    bugs = [bug for bug in PLANTS if options.only is None or bug.is_of(options.only)]
    if not bugs:
        parser.error(f"there is no bug {options.only}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_UNUSABLE))
    try:
        if options.check:
            for bug in bugs:
                plant(bug, ROOT, only_check=True)
            return EXIT_CAUGHT
        return run(bugs, options.target_dir)
    except Unusable as reason:
        say(str(reason))
        return EXIT_UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
