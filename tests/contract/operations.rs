//! Alerts and the dashboard use only existing metrics, and docs/operations.md lists every metric.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of metrics in a text: quoted in macros of `metrics`, bare in expressions.
fn names(text: &str, before: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(before) {
        let rest = &text[at + before.len()..];
        let name: String = rest.chars().take_while(|one| one.is_ascii_lowercase() || *one == '_').collect();
        found.insert(format!("sarcoscreen_{name}"));
    }
    found
}

fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The metrics of the service. No other name in its source has this prefix.
fn metrics() -> BTreeSet<String> {
    let mut source = String::new();
    sources(Path::new("src"), &mut source);
    ["counter!(\"sarcoscreen_", "gauge!(\"sarcoscreen_", "histogram!(\"sarcoscreen_"]
        .into_iter()
        .flat_map(|before| names(&source, before))
        .collect()
}

#[test]
fn alerts_and_the_dashboard_use_existing_metrics() {
    let metrics = metrics();
    assert!(metrics.len() > 10, "{metrics:?}");
    for file in ["docs/operations/alerts.yml", "docs/operations/dashboard.json"] {
        let text = fs::read_to_string(file).unwrap();
        let used = names(&text, "sarcoscreen_");
        assert!(used.len() > 5, "{file}: {used:?}");
        for name in used {
            // A histogram has one series for its buckets and one for its count.
            let base = name.trim_end_matches("_bucket").trim_end_matches("_count");
            assert!(metrics.contains(base), "{file}: {name}");
        }
    }
    let dashboard = fs::read_to_string("docs/operations/dashboard.json").unwrap();
    serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
}

#[test]
fn the_page_lists_each_metric() {
    let listed = names(&fs::read_to_string("docs/operations.md").unwrap(), "`sarcoscreen_");
    assert_eq!(listed, metrics());
}
