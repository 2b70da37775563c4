//! Rows that are read as meant, and faults that name their row and column.

use super::*;

const DESCRIPTION: &str = r#"
    name = "made up"
    weight = "w"
    stratum = "s"
    unit = "u"
    ignored = ["note"]
    [also]
    "medications.chemotherapy_past_year" = "medications.chemotherapy"
    regular_medication_count = "medication_count"
    [outcomes.weak]
    name = "low grip"
    age_from = 60
    column = "grip"
    less_than = { female = 16, male = 27 }
    [outcomes.thin]
    name = "low mass"
    mean_of = ["a", "b"]
    per_height_squared = "height_cm"
    less_than = 7
    [outcomes.both]
    name = "both"
    all_of = ["thin"]
    any_of = ["weak"]
"#;

const HEADER: [&str; 12] =
    ["age", "sex", "height_cm", "medications", "medication_count", "smoker", "w", "s", "u", "grip", "a", "b"];
const ROW: [&str; 12] = ["70", "male", "200", "chemotherapy|statin", "3.0", "0.0", "1.5", "7", "1", "26.9", "26", "28"];

fn description(text: &str) -> Description {
    Description::parse(text).unwrap()
}

fn columns(text: &str) -> Columns {
    let description = description(text);
    let wanted: Vec<_> = ["weak", "thin", "both"].iter().map(|id| description.outcome(id).unwrap()).collect();
    Columns::new(&description, &wanted, &HEADER).unwrap()
}

/// The known and met outcomes of a row with some other cells.
fn outcomes(changed: &[(usize, &'static str)]) -> (u32, u32) {
    let mut row = ROW;
    for (column, cell) in changed {
        row[*column] = *cell;
    }
    let mut remarks = Remarks::default();
    let (member, _) = columns(DESCRIPTION).read(2, &row, &mut remarks).unwrap_or_else(|| panic!("{remarks:?}"));
    (member.known, member.met)
}

#[test]
fn a_row_is_read_with_its_design_and_its_copied_answers() {
    let mut remarks = Remarks::default();
    let (member, answers) = columns(DESCRIPTION).read(2, &ROW, &mut remarks).unwrap();
    assert_eq!((member.age, member.sex), (70, Some(1)));
    assert_eq!(member.place, Some(Place { stratum: "7", unit: "1" }));
    assert!((member.weight - 1.5).abs() < 1e-12);
    assert_eq!(answers.get(Item::Smoker), Some(0));
    assert_eq!((answers.get(Item::MedicationCount), answers.get(Item::RegularMedicationCount)), (Some(3), Some(3)));
    // Bits of chemotherapy (1), statin (5) and chemotherapy_past_year (9).
    assert_eq!(answers.get(Item::Medications), Some(2 + 32 + 512));
}

/// Grip 26.9 is below 27. Mass: (26 + 28) / 2 / 2.00^2 = 6.75, below 7.
#[test]
fn outcomes_are_known_as_far_as_their_columns_are() {
    assert_eq!(outcomes(&[]), (0b111, 0b111));
    assert_eq!(outcomes(&[(9, "27")]), (0b111, 0b010));
    assert_eq!(outcomes(&[(9, "16.1"), (1, "female")]), (0b111, 0b010));
    // Without grip: weak is unknown, thin is known, both depends on it.
    assert_eq!(outcomes(&[(9, "")]), (0b010, 0b010));
    // Without grip but not thin: 29 / 4 = 7.25, so both is known.
    assert_eq!(outcomes(&[(9, ""), (10, "30")]), (0b110, 0));
    assert_eq!(outcomes(&[(10, "")]), (0b001, 0b001));
    // The cut-off by sex needs the sex.
    assert_eq!(outcomes(&[(1, "")]), (0b010, 0b010));
    // Weak counts from 60 on.
    assert_eq!(outcomes(&[(0, "59")]), (0b110, 0b110));
}

#[test]
fn an_outcome_may_leave_out_its_unknown_parts() {
    let text = DESCRIPTION
        .replace(r#"any_of = ["weak"]"#, "any_of = [\"weak\", \"frail\"]\nunknown_parts = \"left_out\"")
        + "[outcomes.frail]\nname = \"frail\"\ncolumn = \"note\"\nat_least = 1\n";
    let mut header = HEADER.to_vec();
    header.push("note");
    let description = description(&text.replace("ignored = [\"note\"]", ""));
    let columns = Columns::new(&description, &[description.outcome("both").unwrap()], &header).unwrap();
    let both = |grip: &'static str, note: &'static str, mass: &'static str| {
        let mut row = ROW.to_vec();
        row.push(note);
        (row[9], row[10]) = (grip, mass);
        let (member, _) = columns.read(2, &row, &mut Remarks::default()).unwrap();
        (member.known == 1).then_some(member.met == 1)
    };
    assert_eq!(both("30", "", "26"), Some(false), "the grip decides");
    assert_eq!(both("", "1", "26"), Some(true), "the other part decides");
    assert_eq!(both("", "", "26"), None, "no part is known");
    assert_eq!(both("", "", "30"), None, "the mass alone decides nothing");
    assert_eq!(both("20", "0", ""), None, "a list without a known part");
}

#[test]
fn each_broken_cell_is_named_with_its_row_and_column() {
    for (column, cell, detail) in [
        (0, "", "must be answered"),
        (0, "17", "must be from 18 to 120"),
        (0, "70.5", "must be a multiple of 1"),
        (0, "seventy", NOT_A_NUMBER),
        (0, "nan", NOT_A_NUMBER),
        (1, "man", "must be one of female, male"),
        (2, "170,5", NOT_A_NUMBER),
        (3, "statin|aspirin", "must be one of"),
        (3, "statin|statin", "the entry is repeated"),
        (3, "statin|none_of_these", "excludes every other entry"),
        (5, "yes", "must be true, false, 1 or 0"),
        (6, "", "must be a number above 0"),
        (6, "-1", "must be a number above 0"),
        (7, " ", "must not be empty"),
        (8, "", "must not be empty"),
        (9, "weak", NOT_A_NUMBER),
        (11, "1e999", NOT_A_NUMBER),
    ] {
        let mut row = ROW;
        row[column] = cell;
        let mut remarks = Remarks::default();
        assert!(columns(DESCRIPTION).read(41, &row, &mut remarks).is_none(), "{cell}");
        let fault = &remarks.faults[0];
        assert_eq!((fault.row, fault.column.as_deref()), (41, Some(HEADER[column])), "{cell}");
        assert!(fault.detail.contains(detail), "{cell}: {fault}");
        assert_eq!(remarks.faults.len(), 1, "{cell}");
        assert!(cell.trim().is_empty() || !fault.detail.contains(cell), "{fault}");
    }
    let mut remarks = Remarks::default();
    assert!(columns(DESCRIPTION).read(3, &ROW[1..], &mut remarks).is_none());
    assert!(columns(DESCRIPTION).read(4, &[&ROW[..], &["9"]].concat(), &mut remarks).is_none());
    assert_eq!(
        remarks.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "row 3, column b: is missing: the row has 11 cells, the header has 12 columns",
            "row 4: the row has 13 cells, the header has 12 columns",
        ]
    );
}

#[test]
fn an_answer_that_cannot_be_is_a_fault_unless_the_description_leaves_it_out() {
    let mut row = ROW;
    row[2] = "250";
    let mut remarks = Remarks::default();
    assert!(columns(DESCRIPTION).read(2, &row, &mut remarks).is_none());
    assert_eq!(remarks.faults[0].column.as_deref(), Some("height_cm"));
    let lenient = format!("unusable_answers = \"unanswered\"\n{DESCRIPTION}");
    let mut remarks = Remarks::default();
    let (_, answers) = columns(&lenient).read(2, &row, &mut remarks).unwrap();
    assert_eq!(answers.get(Item::HeightCm), None);
    assert_eq!((remarks.faults.len(), remarks.left_out), (0, BTreeMap::from([("height_cm", 1)])));
    // An unknown option stays a fault.
    row[3] = "aspirin";
    assert!(columns(&lenient).read(2, &row, &mut Remarks::default()).is_none());
}

#[test]
fn each_fault_of_the_header_is_named() {
    let faults = |names: &[&str]| {
        let description = description(DESCRIPTION);
        let wanted = [description.outcome("weak").unwrap()];
        let faults = Columns::new(&description, &wanted, names).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(faults(&["sex", "w", "s", "u", "grip"]), ["row 1, column age: is missing"]);
    assert_eq!(faults(&["age", "w", "s", "u", "grip"]), ["row 1, column sex: is missing"]);
    assert_eq!(faults(&["age", "sex", "s", "u"]).len(), 2);
    assert_eq!(faults(&["age", "sex", "w", "s", "u", "grip", "age"]), ["row 1, column age: is named twice"]);
    assert_eq!(faults(&["age", "sex", "w", "s", "u", "grip", ""]), ["row 1: column 7 has no name"]);
    let unknown = faults(&["age", "sex", "w", "s", "u", "grip", "smokes"]);
    assert_eq!(unknown, ["row 1, column smokes: is not an item, and the description does not say what it is"]);
}

#[test]
fn a_column_that_an_outcome_measures_and_one_that_is_ignored_hold_no_answer() {
    let description = description(
        r#"
        name = "made up"
        ignored = ["smoker"]
        [outcomes.fell]
        name = "a fall"
        column = "falls_past_year"
        at_least = 1
        [outcomes.light]
        name = "low mass"
        column = "mass"
        per_height_squared = "height_cm"
        less_than = 7
        "#,
    );
    let read = |outcome: &str| {
        let wanted = [description.outcome(outcome).unwrap()];
        let names = ["age", "falls_past_year", "smoker", "height_cm", "mass"];
        let columns = Columns::new(&description, &wanted, &names).unwrap();
        columns.read(2, &["70", "2", "1", "170", "20"], &mut Remarks::default()).unwrap()
    };
    let (member, answers) = read("fell");
    assert_eq!((member.known, member.met), (1, 1));
    assert_eq!((answers.get(Item::FallsPastYear), answers.get(Item::Smoker)), (None, None));
    // For another outcome the same column holds answers. A height does in any case.
    let (_, answers) = read("light");
    assert_eq!((answers.get(Item::FallsPastYear), answers.get(Item::HeightCm)), (Some(2), Some(1700)));
}
