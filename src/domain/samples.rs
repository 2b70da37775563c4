//! Sample values for the tests of several files.

use serde_json::json;

use super::screening::assessment::Assessment;

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
