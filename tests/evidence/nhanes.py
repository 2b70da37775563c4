#!/usr/bin/env python3
"""Makes the file of NHANES 1999-2014 for `sarcoscreen rules evaluate` from the public tables.

    tests/evidence/nhanes.py FOLDER OUTPUT.csv.gz

FOLDER holds the transport files of the survey by their own names, such as DEMO.XPT, DEMO_B.XPT and MGX_H.XPT, and the public
linked mortality files, such as NHANES_2003_2004_MORT_2019_PUBLIC.dat. One row is written for each person of 50 years and over
who was examined. A table that a cycle does not have leaves its columns empty. docs/evidence.md lists each item with its
source and the quality of the match. The last line on standard error is the number of rows. Exit status: 0 written, 1 not.

The tables are a work of the US government in the public domain. NCHS asks that they are used for statistics only, and that no
attempt is made to identify a person.
"""

import csv
import gzip
import pathlib
import sys
from collections import defaultdict

import xpt

CYCLES = {"": 1999, "_B": 2001, "_C": 2003, "_D": 2005, "_G": 2011, "_H": 2013}
TABLES = (
    "BMX MGX MSX DXX PFQ BAQ PAQ WHQ HUQ SMQ SLQ RXQ_RX MCQ DIQ KIQ KIQ_U OSQ DPQ VID"
).split()
COLUMNS = (
    "seqn cycle age sex proxy_interview weight stratum psu height_cm weight_kg walking_aid pfq_skipped_no_limitation "
    "carrying_difficulty walking_difficulty chair_rise_difficulty stair_difficulty walking_room_without_aid can_walk_1000_m "
    "weight_loss_past_year_kg weight_loss_unintended hospital_stays_past_year smoker sleep_hours fatigue activity medications "
    "medication_count conditions grip_kg grip_any_effort_kg grip_status vitamin_d_nmol_l calf_circumference_cm "
    "balance_trouble falls_past_year gait_m_s knee_force_n alm_kg_1 alm_kg_2 alm_kg_3 alm_kg_4 alm_kg_5 died_5_years"
).split()

POUND_KG = 0.45359237
TWENTY_FEET_M = 6.096
DIFFICULTY = {1: "none", 2: "some", 3: "a_lot_or_unable", 4: "a_lot_or_unable"}
TRIALS = [f"MGXH{hand}T{trial}" for hand in (1, 2) for trial in (1, 2, 3)]
LIMBS = ("DXDLALE", "DXDRALE", "DXDLLLE", "DXDRLLE")
DEPRESSION = [f"DPQ0{item}0" for item in range(1, 10)]

# Generic names of prescriptions, by the option that they count as; a name that contains one of the words.
MEDICATIONS = {
    "systemic_corticosteroid": "prednisone prednisolone methylprednisolone dexamethasone hydrocortisone cortisone".split(),
    "chemotherapy": (
        "capecitabine cyclophosphamide doxorubicin fluorouracil mercaptopurine methotrexate temozolomide hydroxyurea "
        "chlorambucil melphalan imatinib"
    ).split(),
    "loop_diuretic": "furosemide bumetanide torsemide ethacrynic".split(),
    "proton_pump_inhibitor": "omeprazole esomeprazole lansoprazole pantoprazole rabeprazole".split(),
    "sulfonylurea_or_glinide": (
        "glyburide glipizide glimepiride tolbutamide chlorpropamide tolazamide repaglinide nateglinide"
    ).split(),
    "statin": "atorvastatin simvastatin pravastatin lovastatin rosuvastatin fluvastatin cerivastatin pitavastatin".split(),
}
# Creams, drops and sprays of a corticosteroid are not systemic.
LOCAL = ("topical", "ophthalmic", "nasal", "otic", "rectal")


def yes(value):
    """1 for yes, 0 for no, None for refused, unknown or not asked."""
    return {1: 1, 2: 0}.get(value)


def first(row, *names):
    """The first of these variables that a table has: names changed between cycles."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def difficulty(value):
    return DIFFICULTY.get(value)


def mobility(pfq, age):
    """Difficulties in moving. People under 60 without any limitation were not asked and have none."""
    asked = {item: first(pfq, f"PFQ061{item}", f"PFQ060{item}") for item in "BCEHI"}
    aid = yes(first(pfq, "PFQ054", "PFQ055"))
    limits = [first(pfq, "PFQ049", "PFQ048"), first(pfq, "PFQ051", "PFQ050"), first(pfq, "PFQ057", "PFQ056"), pfq.get("PFQ059")]
    skipped = age < 60 and aid == 0 and all(value is None for value in asked.values()) and all(yes(one) == 0 for one in limits)
    if skipped:
        asked = dict.fromkeys(asked, 1)
    room = difficulty(asked["H"])
    quarter_mile = asked["B"]
    return {
        "walking_aid": int(aid == 1),
        "pfq_skipped_no_limitation": int(skipped),
        "carrying_difficulty": difficulty(asked["E"]),
        "walking_difficulty": "a_lot_or_unable" if aid == 1 else room,
        "chair_rise_difficulty": difficulty(asked["I"]),
        "stair_difficulty": difficulty(asked["C"]),
        "walking_room_without_aid": room,
        # Unable to walk 400 m is unable to walk 1,000 m; nothing follows from being able to.
        "can_walk_1000_m": 0 if quarter_mile == 4 else None,
    }


def activity(paq):
    """The most that was reported: of the usual day and of leisure."""
    usual = paq.get("PAQ180")
    vigorous = [yes(paq.get(name)) for name in ("PAQ605", "PAQ650", "PAD200")]
    moderate = [yes(paq.get(name)) for name in ("PAQ620", "PAQ665", "PAD320")]
    walks = [yes(paq.get(name)) for name in ("PAQ635", "PAD020", "PAQ100")]
    if 1 in vigorous or usual == 4:
        return "vigorous"
    if 1 in moderate or usual == 3:
        return "moderate"
    if 1 in walks or usual == 2:
        return "light"
    known = any(value is not None for value in vigorous + moderate + walks)
    return "inactive" if known or usual == 1 else None


def weight_loss(whq):
    """Pounds of a year ago less those of today, and whether a loss was not intended."""
    now, before = whq.get("WHD020"), whq.get("WHD050")
    if None in (now, before) or max(now, before) > 1000:
        return {"weight_loss_past_year_kg": None, "weight_loss_unintended": None}
    lost = round(max(before - now, 0) * POUND_KG, 1)
    intended = yes(first(whq, "WHQ060", "WHD060"))
    return {
        "weight_loss_past_year_kg": lost,
        "weight_loss_unintended": 1 - intended if lost > 0 and intended is not None else None,
    }


def prescriptions(rows):
    """The medicines that are options, and the number of prescriptions."""
    if not rows:
        return {"medications": None, "medication_count": None}
    taken = yes(first(rows[0], "RXDUSE", "RXD030"))
    if taken is None:
        return {"medications": None, "medication_count": None}
    names = [str(first(row, "RXDDRUG", "RXD240B") or "").lower() for row in rows] if taken else []
    names = [name for name in names if name.strip()]
    found = [
        option
        for option, words in MEDICATIONS.items()
        if any(word in name and not any(place in name for place in LOCAL) for name in names for word in words)
    ]
    count = first(rows[0], "RXDCOUNT", "RXD295") if taken else 0
    return {"medications": found or (["other"] if names else None), "medication_count": len(names) if count is None else count}


def conditions(of):
    """Illnesses that a doctor named; None if there is none, because not all were asked about."""
    mcq, pfq, dpq = of["MCQ"], of["PFQ"], of["DPQ"]
    arthritis = mcq.get("MCQ160A") == 1 and (first(mcq, "MCQ190", "MCQ191") == 2 or mcq.get("MCQ195") == 1)
    answers = [dpq.get(item) for item in DEPRESSION]
    depressed = all(value in (0, 1, 2, 3) for value in answers) and sum(answers) >= 10
    named = {
        "diabetes": of["DIQ"].get("DIQ010") == 1,
        "copd": 1 in (mcq.get("MCQ160G"), mcq.get("MCQ160K")),
        "heart_failure": mcq.get("MCQ160B") == 1,
        "chronic_kidney_disease": 1 in (of["KIQ"].get("KIQ020"), first(of["KIQ_U"], "KIQ022"), of["KIQ"].get("KIQ022")),
        "cancer": mcq.get("MCQ220") == 1,
        "osteoporosis": of["OSQ"].get("OSQ060") == 1,
        "osteoarthritis": arthritis,
        "cognitive_impairment": first(pfq, "PFQ057", "PFQ056") == 1,
        "depression": depressed,
    }
    return [option for option, holds in named.items() if holds] or None


def measured(of):
    """The outcomes and the measured items."""
    mgx, msx = of["MGX"], of["MSX"]
    grips = [(mgx.get(trial), mgx.get(f"{trial}E")) for trial in TRIALS]
    maximal = [value for value, effort in grips if value is not None and effort == 1]
    every = [value for value, _ in grips if value is not None]
    walk = first(msx, "MSXW20TM", "MSXWTIME")
    return {
        "grip_kg": max(maximal, default=None),
        "grip_any_effort_kg": max(every, default=None),
        "grip_status": mgx.get("MGDEXSTS"),
        "vitamin_d_nmol_l": rounded(of["VID"].get("LBXVIDMS"), 0),
        "calf_circumference_cm": of["BMX"].get("BMXCALF"),
        "gait_m_s": round(TWENTY_FEET_M / walk, 3) if walk else None,
        "knee_force_n": msx.get("MSDPF"),
    }


def rounded(value, digits):
    return None if value is None else round(value, digits)


def lean_mass(rows):
    """Lean mass of arms and legs without bone, kg, in each of the five imputations."""
    masses = {}
    for row in rows:
        limbs = [row.get(limb) for limb in LIMBS]
        if None not in limbs:
            masses[int(row.get("_MULT_") or 1)] = round(sum(limbs) / 1000, 2)
    return {f"alm_kg_{imputation}": masses.get(imputation) for imputation in range(1, 6)}


def survived(line):
    """Whether an eligible person died within 60 months of the examination; None if it is not known."""
    line = line.ljust(48)
    eligible, dead, months = line[14], line[15], line[45:48].strip()
    if eligible != "1" or dead not in "01" or not months.isdigit():
        return None
    return int(dead == "1" and int(months) <= 60) if dead == "1" or int(months) >= 60 else None


def person(demo, cycle, of, several, died):
    """The row of a person."""
    age, baq, huq, smq = int(demo["RIDAGEYR"]), of["BAQ"], of["HUQ"], of["SMQ"]
    stays = yes(first(huq, "HUQ071", "HUQ070"))
    smokes = {1: 1, 2: 1, 3: 0}.get(smq.get("SMQ040")) if smq.get("SMQ020") == 1 else (0 if smq.get("SMQ020") == 2 else None)
    sleep = first(of["SLQ"], "SLD010H", "SLD012")
    dizzy = yes(baq.get("BAQ010"))
    balance, fell = (0, 0) if dizzy == 0 else (yes(baq.get("BAQ020B")), yes(baq.get("BAQ020C")))
    count = huq.get("HUD080")
    return {
        "seqn": int(demo["SEQN"]),
        "cycle": cycle,
        "age": age,
        "sex": {1: "male", 2: "female"}[demo["RIAGENDR"]],
        "proxy_interview": int(demo.get("SIAPROXY") == 1),
        "weight": demo["WTMEC2YR"],
        "stratum": demo["SDMVSTRA"],
        "psu": demo["SDMVPSU"],
        "height_cm": of["BMX"].get("BMXHT"),
        "weight_kg": of["BMX"].get("BMXWT"),
        **mobility(of["PFQ"], age),
        **weight_loss(of["WHQ"]),
        "hospital_stays_past_year": 0 if stays == 0 else (count if stays and count is not None and count <= 50 else None),
        "smoker": smokes,
        "sleep_hours": sleep if sleep is not None and sleep <= 24 else None,
        "fatigue": {0: "rarely", 1: "sometimes", 2: "often", 3: "often"}.get(of["DPQ"].get("DPQ040")),
        "activity": activity(of["PAQ"]),
        **prescriptions(several["RXQ_RX"]),
        "conditions": conditions(of),
        "balance_trouble": balance,
        "falls_past_year": fell,
        **measured(of),
        **lean_mass(several["DXX"]),
        "died_5_years": died,
    }


def table(folder, name):
    """The rows of a table by person; empty if the folder does not have it."""
    paths = [path for path in folder.iterdir() if path.name.upper() == f"{name}.XPT"]
    people = defaultdict(list)
    for path in paths:
        try:
            for row in xpt.rows(path.read_bytes()):
                people[row["SEQN"]].append(row)
        except (xpt.Unreadable, KeyError, ValueError) as error:
            raise SystemExit(f"{path}: {error}") from error
    return people


def deaths(folder, cycle):
    name = f"NHANES_{cycle}_{cycle + 1}_MORT_2019_PUBLIC.DAT"
    died = {}
    for path in folder.iterdir():
        if path.name.upper() == name:
            for line in path.read_text(encoding="ascii").splitlines():
                died[float(line[:6])] = survived(line)
    return died


def cycle_rows(folder, suffix, cycle):
    demo = table(folder, f"DEMO{suffix}")
    if not demo:
        print(f"{folder} has no DEMO{suffix}.XPT, so the cycle of {cycle} is left out", file=sys.stderr)
        return
    tables = {name: table(folder, f"{name}{suffix}") for name in TABLES}
    died = deaths(folder, cycle)
    for seqn, (entry, *_) in sorted(demo.items()):
        examined = entry.get("RIDSTATR") == 2 and (entry.get("WTMEC2YR") or 0) > 0
        if examined and entry["RIDAGEYR"] >= 50:
            several = {name: people.get(seqn, []) for name, people in tables.items()}
            of = {name: rows[0] if rows else {} for name, rows in several.items()}
            # Only the cycles before 2007 with both examinations and five years after them.
            yield person(entry, cycle, of, several, died.get(seqn) if 2003 <= cycle <= 2005 else None)


def cell(value):
    if value is None:
        return ""
    return "|".join(value) if isinstance(value, list) else value


def main(arguments):
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    folder, output = map(pathlib.Path, arguments)
    count = 0
    with gzip.open(output, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for suffix, cycle in CYCLES.items():
            for row in cycle_rows(folder, suffix, cycle):
                writer.writerow({column: cell(row[column]) for column in COLUMNS})
                count += 1
    print(f"{count} rows", file=sys.stderr)
    if count == 0:
        raise SystemExit(f"{folder} has no DEMO table of these cycles")


if __name__ == "__main__":
    main(sys.argv[1:])
