//! The layers, sizes and conventions of the source, checked by reading it.

use std::path::{Path, PathBuf};

/// A ring: its folder or file, the own modules that it may import, and the names that it must not contain.
struct Ring {
    name: &'static str,
    imports: &'static [&'static str],
    may_not_name: &'static [&'static str],
}

const RINGS: &[Ring] = &[
    Ring {
        name: "domain",
        imports: &["domain"],
        may_not_name: &[
            "sqlx",
            "actix_web",
            "utoipa",
            "tokio",
            "tracing",
            "reqwest",
            "std::fs",
            "std::env",
            "std::net",
            "async fn",
        ],
    },
    Ring { name: "rules", imports: &["domain", "rules"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring { name: "store", imports: &["domain", "store"], may_not_name: &["actix_web", "utoipa"] },
    Ring { name: "outbound", imports: &["domain"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring {
        name: "app",
        imports: &["domain", "rules", "store", "outbound", "app"],
        may_not_name: &["sqlx", "actix_web", "utoipa"],
    },
    Ring { name: "http", imports: &["domain", "app", "http"], may_not_name: &["sqlx"] },
    Ring { name: "jobs", imports: &["domain", "app", "jobs"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring { name: "config", imports: &[], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring { name: "telemetry", imports: &[], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring {
        name: "server",
        imports: &["domain", "rules", "store", "app", "http", "jobs", "config", "telemetry", "server"],
        may_not_name: &[],
    },
    Ring {
        name: "cli",
        imports: &["domain", "rules", "store", "app", "http", "jobs", "config", "telemetry", "server", "cli"],
        may_not_name: &[],
    },
];

#[test]
fn every_file_keeps_to_its_ring() {
    let mut faults = Vec::new();
    for file in sources() {
        let Some(ring) = RINGS.iter().find(|ring| ring.name == file.ring) else {
            assert!(["main", "lib"].contains(&file.ring.as_str()), "{} is in no ring", file.name);
            continue;
        };
        for (number, line) in file.code() {
            for path in line.split("crate::").skip(1).flat_map(first_segments) {
                if !ring.imports.contains(&path.as_str()) {
                    faults.push(format!("{}:{number} {} may not import {path}", file.name, ring.name));
                }
            }
            for word in ring.may_not_name.iter().filter(|word| names(line, word)) {
                faults.push(format!("{}:{number} {} may not name {word}", file.name, ring.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_one_file_outside_the_store_names_sqlx() {
    let allowed = ["src/server.rs"];
    let naming = sources().into_iter().filter(|file| file.ring != "store" && !allowed.contains(&file.name.as_str()));
    let faults: Vec<_> = naming.filter(|file| file.code().any(|(_, line)| names(line, "sqlx"))).collect();
    assert!(faults.is_empty(), "{:?}", faults.iter().map(|file| &file.name).collect::<Vec<_>>());
}

#[test]
fn files_and_functions_stay_small() {
    let mut faults = Vec::new();
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    for file in sources() {
        let lines = file.text.lines().count();
        // The median counts shipped code only; the cap applies to the whole file.
        files.push(file.product().lines().count());
        if lines > 400 {
            faults.push(format!("{}: {lines} lines, the cap is 400", file.name));
        }
        for (name, start, length) in file.functions() {
            functions.push(length);
            if length > 60 {
                faults.push(format!("{}:{start} {name} has {length} lines, the cap is 60", file.name));
            }
        }
    }
    for file in ["tests", "benches"].into_iter().flat_map(read) {
        let lines = file.text.lines().count();
        if lines > 400 {
            faults.push(format!("{}: {lines} lines, the cap is 400", file.name));
        }
    }
    let (file, function) = (median(&mut files), median(&mut functions));
    println!("{} files, median {file} lines; {} functions, median {function} lines", files.len(), functions.len());
    if file > 120 {
        faults.push(format!("the median file has {file} lines, the cap is 120"));
    }
    if function > 12 {
        faults.push(format!("the median function has {function} lines, the cap is 12"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_has_a_module_comment() {
    let files = sources();
    let faults: Vec<_> = files.iter().filter(|file| !file.text.starts_with("//!")).map(|file| &file.name).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

struct Source {
    name: String,
    ring: String,
    text: String,
}

impl Source {
    /// The text without its unit tests.
    fn product(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or(&self.text)
    }

    /// Lines of code with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Name, first line and length of every function; in formatted source the closing brace has the function's own
    /// indentation.
    fn functions(&self) -> Vec<(String, usize, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(position) = words.iter().position(|word| *word == "fn") else { continue };
            let qualifiers = ["pub", "pub(crate)", "pub(super)", "pub(in", "const", "async", "default"];
            if !words[..position].iter().all(|word| qualifiers.contains(word)) || line.trim_end().ends_with(';') {
                continue;
            }
            let closing = format!("{}}}", " ".repeat(indent));
            let one_line = line.trim_end().ends_with('}');
            let length = if one_line { Some(0) } else { lines[index..].iter().position(|end| **end == closing) };
            let name = words.get(position + 1).copied().unwrap_or_default().to_owned();
            found.push((name, index + 1, length.unwrap_or(0) + 1));
        }
        found
    }
}

fn sources() -> Vec<Source> {
    read("src")
}

/// Every Rust file in a folder.
fn read(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join(folder), &mut paths);
    assert!(!paths.is_empty(), "{folder} has no source");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let ring = name.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap().to_owned();
        Source { text: std::fs::read_to_string(&path).unwrap(), name, ring }
    };
    paths.into_iter().map(read).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first segments after `crate::`: one, or those of a braced list.
fn first_segments(rest: &str) -> Vec<String> {
    let segment = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    match rest.strip_prefix('{') {
        Some(list) => list.split(',').map(|part| segment(part.trim())).filter(|name| !name.is_empty()).collect(),
        None => vec![segment(rest)],
    }
}

/// Whether a line contains a word, not as part of a longer one.
fn names(line: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word).any(|(start, found)| {
        boundary(line[..start].chars().next_back()) && boundary(line[start + found.len()..].chars().next())
    })
}

fn median(values: &mut [usize]) -> usize {
    values.sort_unstable();
    values[values.len() / 2]
}
