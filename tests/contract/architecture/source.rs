//! Source files as text: their code, functions and imports.

use std::path::{Path, PathBuf};

pub(super) struct Source {
    pub(super) name: String,
    pub(super) ring: String,
    pub(super) text: String,
}

impl Source {
    /// The text without its unit tests.
    pub(super) fn product(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or(&self.text)
    }

    /// Lines of code with their numbers, without comments.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Name, first line and length of every function; in formatted source the closing brace has the function's own
    /// indentation.
    pub(super) fn functions(&self) -> Vec<(String, usize, usize)> {
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

pub(super) fn sources() -> Vec<Source> {
    read("src")
}

/// Every Rust file in a folder.
pub(super) fn read(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join(folder), &mut paths);
    assert!(!paths.is_empty(), "{folder} has no source");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let ring = name.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        // The domain is a separate crate, which the other rings import as `crate::domain`.
        let text = if ring == "domain" { text.replace("crate::", "crate::domain::") } else { text };
        Source { name, ring, text }
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
pub(super) fn first_segments(rest: &str) -> Vec<String> {
    let segment = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    match rest.strip_prefix('{') {
        Some(list) => list.split(',').map(|part| segment(part.trim())).filter(|name| !name.is_empty()).collect(),
        None => vec![segment(rest)],
    }
}

/// Whether a line contains a word, not as part of a longer one.
pub(super) fn names(line: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word).any(|(start, found)| {
        boundary(line[..start].chars().next_back()) && boundary(line[start + found.len()..].chars().next())
    })
}
