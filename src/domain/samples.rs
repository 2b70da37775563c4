//! Sample values for the tests of several files.

use serde_json::json;

use super::screening::assessment::Assessment;
use super::screening::rule_table::{RuleFiles, RuleTable};

/// An assessment with a settled total, its band by 6 and 11, findings with their points, and red flags that flag it.
pub(super) fn assessment(total: i32, findings: &[(&str, i32)], red_flags: &[&str]) -> Assessment {
    let band = if total >= 11 { "high" } else { ["low", "moderate"][usize::from(total >= 6)] };
    let findings: Vec<_> = findings.iter().map(|(rule, points)| json!({"rule": rule, "points": points})).collect();
    let reasons: Vec<_> = red_flags.iter().map(|id| json!({"kind": "red_flag", "id": id})).collect();
    let written = json!({
        "rule_table": "2026.1", "score": {"total": total, "lower": total, "upper": total},
        "band_at_least": band, "band_at_most": band, "findings": findings, "instruments": [], "red_flags": red_flags,
        "care_level": null, "recommendations": [], "flag_reasons": reasons, "urgency": null,
    });
    serde_json::from_value(written).unwrap()
}

/// A small rule table with each kind of condition, in English and Spanish.
const TABLE: &str = r#"
version = "2001.1"
groups = [{ id = "ages", kind = "steps", item = "age" }, { id = "ill", kind = "cap", cap = 4 }]
recommendations = []
[[bands]]
id = "low"
from = 0
[[bands]]
id = "moderate"
from = 6
[[bands]]
id = "high"
from = 11
[sources.study]
kind = "cohort"
cite = "A study"
doi = "10.1000/1"
[[instruments]]
id = "sum"
age_from = 60
flags = true
positive_when = "at_least"
cut_off = 4
licence = "free"
accuracy = []
[[instruments.components]]
item = "falls_past_year"
steps = [{ at_least = 1, at_most = 3, points = 1 }, { at_least = 4, points = 2 }]
[[rules]]
id = "old"
group = "ages"
category = "age"
points = 2
when = { item = "age", at_least = 60, at_most = 69 }
sources = [{ id = "study", effect = "OR 2", confidence = "confirmed" }]
[[rules]]
id = "ill"
group = "ill"
category = "illness"
points = 1
when = { item = "conditions", includes = "cancer" }
[[red_flags]]
id = "weak"
level = "emergency"
flags = true
when = { all_of = [{ item = "dark_urine", is = true }, { any_of = [{ item = "bmi", less_than = 18.5 }, { instrument = "sum", at_least = 4 }] }] }
[[pathways]]
id = "ewgsop2"
age_from = 60
stage = "probable"
stage_when = "strength_low"
case_finding = [{ instrument = "sum" }]
strength_low = [{ item = "grip_strength_kg", by_age = [{ from = 50, less_than = { female = 20, male = 34 } }, { from = 65, less_than = { female = 18, male = 28.5 } }], unable = "grip" }]
performance_low = [{ item = "gait_speed_m_s", at_most = 0.8 }]
"#;

const ENGLISH: &str = r#"
language = "en"
[questionnaire]
title = ""
introduction = ""
[outcome]
explanation = ""
[groups]
[items]
age = { label = "Your age", help = "In years." }
falls_past_year = { label = "How many falls have you had?", help = "", short = "Falls" }
conditions = { label = "Illnesses", help = "" }
dark_urine = { label = "Is your urine dark?", help = "" }
grip_strength_kg = { label = "Grip strength", help = "" }
gait_speed_m_s = { label = "Walking speed", help = "" }
[options.conditions]
cancer = "Cancer"
[units]
years = "years"
falls = "falls"
kg = "kg"
m_per_s = "m/s"
[categories]
age = "Age"
illness = "Illnesses"
[bands]
low = "Few"
moderate = "Some"
high = "Many"
[rules.old]
reason = "Age counts. It counts more later."
[rules.ill]
reason = "You are ill."
[red_flags.weak]
reason = "This is an alarm."
[care_levels]
[instruments.sum]
name = "Sum"
explanation = "A sum."
[pathways.ewgsop2]
name = "European"
explanation = "Steps."
[recommendations]
"#;

/// Files of a rule table with each kind of condition. The Spanish texts are the English ones.
pub(super) fn rule_files() -> RuleFiles {
    let spanish = ENGLISH.replace("language = \"en\"", "language = \"es\"");
    let files = [("table.toml", TABLE), ("texts.en.toml", ENGLISH), ("texts.es.toml", &spanish)];
    files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// The table of [`rule_files`] with a text replaced wherever it occurs.
pub(super) fn rule_table(from: &str, to: &str) -> RuleTable {
    let files = rule_files().into_iter().map(|(name, text)| (name, text.replace(from, to)));
    RuleTable::read(&files.collect()).unwrap()
}
