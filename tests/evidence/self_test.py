"""Tests of the scripts of the evidence: a transport file made by hand, small tables of made-up people, entries of figures."""

import csv
import gzip
import pathlib
import struct
import subprocess
import sys
import tempfile
import tomllib

import entries
import made_up
import nhanes
import xpt


def ibm(value):
    """A number as IBM floating point; None as a missing value."""
    if value is None:
        return b"." + b"\0" * 7
    sign, size, power = (0x80 if value < 0 else 0), abs(value), 64
    if size == 0:
        return b"\0" * 8
    while size >= 1:
        size, power = size / 16, power + 1
    while size < 1 / 16:
        size, power = size * 16, power - 1
    return bytes([sign | power]) + round(size * (1 << 56)).to_bytes(7, "big")


def filled(data):
    return data + b" " * (-len(data) % xpt.RECORD)


def transport(rows):
    """A transport file of these rows. Texts have 24 bytes."""
    names = list(rows[0])
    numeric = {name: not isinstance(rows[0][name], str) for name in names}
    described, position = b"", 0
    for number, name in enumerate(names, 1):
        length = 8 if numeric[name] else 24
        described += struct.pack(">hhhh8s", 1 if numeric[name] else 2, 0, length, number, name.encode().ljust(8))
        described += b" " * 68 + struct.pack(">l", position) + b"\0" * 52
        position += length
    header = lambda kind, rest: f"HEADER RECORD*******{kind:<8}HEADER RECORD!!!!!!!{rest:<30}  ".encode()
    body = b"".join(
        ibm(row[name]) if numeric[name] else str(row[name]).encode().ljust(24) for row in rows for name in names
    )
    zeros = "0" * 30
    return (
        header("LIBRARY", zeros) + filled(b" " * 160)
        + header("MEMBER", "000000000000000001600000000140") + header("DSCRPTR", zeros) + filled(b" " * 160)
        + header("NAMESTR", f"000000{len(names):04}" + "0" * 20) + filled(described)
        + header("OBS", zeros) + filled(body)
    )


def equal(found, expected, about):
    if found != expected:
        raise AssertionError(f"{about}: expected {expected!r}, got {found!r}")


def the_format():
    # By hand: 1 is 16^1 / 16, so the power is 65 (0x41) and the fraction 1/16 (0x10 00...). -118.625 is 0x76.A, so 0xC2 76 A0.
    equal(xpt.number(bytes.fromhex("4110000000000000")), 1.0, "1")
    equal(xpt.number(bytes.fromhex("c276a00000000000")), -118.625, "-118.625")
    equal(xpt.number(b"\0" * 8), 0.0, "0")
    equal(xpt.number(b"." + b"\0" * 7), None, "missing")
    equal(xpt.number(b"B" + b"\0" * 7), None, "another missing value")
    for value in (0.1, 13667.947621, -3.5, 41.0, 1e-5):
        equal(abs(xpt.number(ibm(value)) - value) < 1e-9, True, value)
    rows = [{"SEQN": 1.0, "NAME": "a b", "X": None}, {"SEQN": 2.0, "NAME": "c", "X": 2.5}]
    equal(list(xpt.rows(transport(rows))), rows, "rows")
    for broken in (b"", b"not a transport file", transport(rows)[:800]):
        try:
            list(xpt.rows(broken))
        except xpt.Unreadable:
            continue
        raise AssertionError(f"{broken[:20]!r} was read")


def the_mapping():
    # Columns 1-6, 15, 16, 17-21, 43-45 and 46-48 of the mortality file.
    line = lambda eligible, dead, months: f" 21005{'':8}{eligible}{dead}{'':5}{'':21}{months + 1:>3}{months:>3}"
    equal(nhanes.survived(line(1, 1, 39)), 1, "died after 39 months")
    equal(nhanes.survived(line(1, 0, 89)), 0, "lived 89 months")
    equal(nhanes.survived(line(1, 1, 61)), 0, "died after 61 months")
    equal(nhanes.survived(line(1, 0, 30)), None, "seen for 30 months")
    equal(nhanes.survived(line(2, " ", 0)), None, "not eligible")
    lost = nhanes.weight_loss({"WHD020": 160.0, "WHD050": 170.0, "WHQ060": 2.0})
    # 10 pounds are 4.5 kg.
    equal(lost, {"weight_loss_past_year_kg": 4.5, "weight_loss_unintended": 1}, "a loss that was not intended")
    equal(nhanes.weight_loss({"WHD020": 7777.0, "WHD050": 170.0})["weight_loss_past_year_kg"], None, "refused")
    equal(nhanes.activity({"PAQ605": 2.0, "PAQ650": 2.0, "PAQ620": 1.0}), "moderate", "moderate work")
    equal(nhanes.activity({"PAQ180": 1.0, "PAD200": 3.0}), "inactive", "sits, unable to do more")
    equal(nhanes.activity({}), None, "not asked")
    asked = nhanes.mobility({"PFQ054": 1.0, "PFQ061E": 3.0, "PFQ061H": 1.0, "PFQ061B": 4.0, "PFQ061C": 5.0}, 71)
    equal(asked["walking_difficulty"], "a_lot_or_unable", "a walking aid")
    equal((asked["carrying_difficulty"], asked["stair_difficulty"]), ("a_lot_or_unable", None), "much, and does not do")
    equal((asked["can_walk_1000_m"], asked["chair_rise_difficulty"]), (0, None), "unable to walk 400 m")
    well = {"PFQ049": 2.0, "PFQ051": 2.0, "PFQ054": 2.0, "PFQ057": 2.0, "PFQ059": 2.0}
    equal(nhanes.mobility(well, 55)["carrying_difficulty"], "none", "under 60 and not asked")
    equal(nhanes.mobility(well, 65)["carrying_difficulty"], None, "of 60 and not asked")
    drugs = [{"RXDUSE": 1.0, "RXDDRUG": name, "RXDCOUNT": 3.0} for name in ("PREDNISONE", "SIMVASTATIN", "DEXAMETHASONE OPHTHALMIC")]
    found = {"medications": ["systemic_corticosteroid", "statin"], "medication_count": 3.0}
    equal(nhanes.prescriptions(drugs), found, "three prescriptions")
    equal(nhanes.prescriptions(drugs[2:])["medications"], ["other"], "eye drops")
    equal(nhanes.prescriptions([{"RXDUSE": 2.0}]), {"medications": None, "medication_count": 0}, "none")


def a_whole_file():
    demo = lambda seqn, age, **other: {
        "SEQN": seqn, "RIDAGEYR": age, "RIAGENDR": 2.0, "RIDSTATR": 2.0, "SIAPROXY": 2.0, "WTMEC2YR": 1234.5,
        "SDMVSTRA": 90.0, "SDMVPSU": 1.0, **other,
    }
    trials = {f"{trial}{effort}": None for trial in nhanes.TRIALS for effort in ("", "E")}
    grip = {"SEQN": 7.0, "MGDEXSTS": 1.0, **trials, "MGXH1T1": 21.5, "MGXH1T1E": 1.0, "MGXH2T2": 24.0, "MGXH2T2E": 2.0}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        people = [demo(7.0, 71.0), demo(8.0, 49.0), demo(9.0, 80.0, RIDSTATR=1.0), demo(10.0, 60.0)]
        (folder / "DEMO_G.XPT").write_bytes(transport(people))
        (folder / "mgx_g.xpt").write_bytes(transport([grip]))
        (folder / "DIQ_G.XPT").write_bytes(transport([{"SEQN": 7.0, "DIQ010": 1.0}, {"SEQN": 10.0, "DIQ010": 3.0}]))
        (folder / "BAQ_G.XPT").write_bytes(transport([{"SEQN": 7.0, "BAQ010": 2.0}]))
        lean = [{"SEQN": 10.0, "_MULT_": float(one), **{limb: 4000.0 + one for limb in nhanes.LIMBS}} for one in range(1, 6)]
        (folder / "DXX_G.XPT").write_bytes(transport(lean))
        script = pathlib.Path(__file__).with_name("nhanes.py")
        output = folder / "people.csv.gz"
        done = subprocess.run([sys.executable, script, folder, output], capture_output=True, text=True, check=True)
        equal(done.stderr.splitlines()[-1], "2 rows", "people of 50 and over who were examined")
        with gzip.open(output, "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        equal(list(rows[0]), nhanes.COLUMNS, "columns")
        one, other = rows
        equal((one["seqn"], one["cycle"], one["sex"], one["weight"]), ("7", "2011", "female", "1234.5"), "design")
        equal((one["grip_kg"], one["grip_any_effort_kg"]), ("21.5", "24.0"), "the best trial with maximal effort")
        equal((one["conditions"], one["falls_past_year"], other["conditions"]), ("diabetes", "0", ""), "answers")
        # 4 x 4,001 g.
        equal((other["alm_kg_1"], other["alm_kg_5"], one["alm_kg_1"]), ("16.0", "16.02", ""), "lean mass")
        empty = subprocess.run([sys.executable, script, folder / "..", output], capture_output=True, text=True, check=False)
        equal(empty.returncode, 1, "a folder without tables")


def the_entries():
    figure = lambda value, low=None, high=None: {"value": value, "low": low, "high": high}
    at = lambda cut_off: {
        "cut_off": cut_off, "flagged": figure(0.4912, 0.47, 0.5), "sensitivity": figure(0.9), "specificity": figure(0.54),
    }
    total = {
        "rule_table": "2026.3", "people": 100, "cases": 20, "area": figure(0.8123, 0.75, 0.86),
        "cut_offs": [at("moderate, from 10"), at("high, from 15")],
    }
    text = entries.entry({"data": 'made "up"'}, {"name": "weak"}, total, "2099-01-31")
    (read,) = tomllib.loads(text)["evidence"]
    equal((read["outcome"], read["data"], read["people"], read["cases"]), ("weak", 'made "up"', 100, 20), "an entry")
    equal(read["area"], {"percent": 81.2, "low": 75.0, "high": 86.0}, "the area")
    equal([band["band"] for band in read["bands"]], ["moderate", "high"], "the bands")
    equal(read["bands"][0]["flagged"], {"percent": 49.1, "low": 47.0, "high": 50.0}, "the flagged")
    equal(read["bands"][1]["specificity"], {"percent": 54.0}, "a figure without an interval")
    gait = entries.entry({"data": "NHANES 1999-2014"}, {"name": "slow", "outcome": "slow_gait"}, total, "2099-01-31")
    equal(tomllib.loads(gait)["evidence"][0]["data"], "NHANES 1999-2002", "the cycles of an outcome")
    equal("chosen on these data" in read["note"], True, "the note of a table that was chosen on the data")


def the_made_up_people():
    one, other = ([*made_up.people(2, seed)] for seed in (1, 1))
    equal(one, other, "the same seed")
    equal(len(one), 2 * made_up.UNITS * made_up.STRATA * len(nhanes.CYCLES), "two people for each unit")
    equal({column for row in one for column in row} <= set(nhanes.COLUMNS), True, "columns of the survey's file")


if __name__ == "__main__":
    the_format()
    the_mapping()
    a_whole_file()
    the_entries()
    the_made_up_people()
    print("ok")
