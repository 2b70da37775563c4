//! Dependencies between files, found in `use` statements and paths; cycles of files; dependencies between subjects.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, sources};

/// Subjects, and the other subjects that each may use in its own ring.
const SUBJECTS: &[(&str, &[&str])] = &[
    ("access", &["audit", "clinics"]),
    ("audit", &[]),
    ("clinics", &["audit", "screening"]),
    ("evaluation", &["follow_ups", "screening"]),
    ("follow_ups", &["access", "audit", "screening"]),
    ("screening", &[]),
    ("subjects", &["audit", "clinics", "follow_ups", "webhooks"]),
    ("submissions", &["access", "audit", "clinics", "follow_ups", "screening", "subjects", "webhooks"]),
    ("webhooks", &["audit", "follow_ups"]),
];

/// For each file, the files that it uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_circle_of_files_crosses_folders() {
    let circles = circles(&graph(&sources()));
    for circle in &circles {
        println!("{} files: {}", circle.len(), circle.join(" "));
    }
    let faults: Vec<_> =
        circles.iter().filter(|circle| circle.iter().any(|file| room(file) != room(&circle[0]))).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_subject_uses_only_the_subjects_that_the_map_allows() {
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for (from, uses) in graph(&sources()) {
        for to in uses.into_iter().filter(|to| ring(to) == ring(&from)) {
            match (subject(&from), subject(&to)) {
                (Some(one), Some(other)) if one != other => {
                    found.entry((one, other)).or_default().insert(format!("{from} -> {to}"));
                }
                _ => {}
            }
        }
    }
    let allowed = SUBJECTS.iter().flat_map(|(from, uses)| uses.iter().map(move |to| (*from, *to)));
    let allowed: BTreeSet<_> = allowed.collect();
    let faults: Vec<_> = found.iter().filter(|(arrow, _)| !allowed.contains(arrow)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let unused: Vec<_> = allowed.iter().filter(|arrow| !found.contains_key(*arrow)).collect();
    assert!(unused.is_empty(), "delete these arrows: {unused:?}");
}

#[test]
fn the_kernel_of_the_http_ring_uses_no_wing() {
    let mut faults = Vec::new();
    for (from, uses) in graph(&sources()) {
        let wing = |to: &String| to.starts_with("src/http/") && !to.starts_with("src/http/kernel/");
        if from.starts_with("src/http/kernel/") {
            faults.extend(uses.into_iter().filter(wing).map(|to| format!("{from} -> {to}")));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_circle_is_found() {
    let arrows = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("e", "f")];
    let mut graph = Graph::new();
    for (from, to) in arrows {
        graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    assert_eq!(circles(&graph), [vec!["a", "b", "c"], vec!["d", "e"]]);
}

#[test]
fn every_spelling_of_a_path_is_an_arrow() {
    let file = |name: &str, text: &str| Source { name: name.to_owned(), ring: String::new(), text: text.to_owned() };
    let texts = [
        "use crate::a::{x::One, y};",
        "use super::x;",
        "fn f() { crate::a::x::go() }",
        "use super::{x::One as Two, y};",
        "pub(in crate::b) use crate::a::x::One;",
    ];
    for text in texts {
        let files =
            [file("src/a/mod.rs", ""), file("src/a/x.rs", ""), file("src/a/y.rs", ""), file("src/a/z.rs", text)];
        assert!(graph(&files)["src/a/z.rs"].contains("src/a/x.rs"), "{text}");
    }
}

fn ring(file: &str) -> &str {
    file.split('/').nth(1).unwrap_or_default()
}

fn subject(file: &str) -> Option<&'static str> {
    let names = SUBJECTS.iter().map(|(name, _)| *name);
    file.split('/').find_map(|part| names.clone().find(|name| *name == part.trim_end_matches(".rs")))
}

/// The folder that a file belongs to: the ring, and the folder in it. Deeper folders count as part of that folder.
fn room(file: &str) -> String {
    let folders: Vec<_> = file.split('/').skip(1).collect();
    let depth = if file.starts_with("src/http/v1/") { 3 } else { 2 };
    folders[..folders.len().saturating_sub(1).min(depth)].join("/")
}

fn graph(files: &[Source]) -> Graph {
    let modules: BTreeMap<Vec<&str>, &str> =
        files.iter().map(|file| (module(&file.name), file.name.as_str())).collect();
    let arrows = |file: &Source| {
        let own = module(&file.name);
        let used = paths(file).into_iter().filter_map(|path| resolve(&modules, &own, &path));
        used.filter(|used| *used != file.name).collect()
    };
    files.iter().map(|file| (file.name.clone(), arrows(file))).collect()
}

/// The module path of a file, without `crate`.
fn module(name: &str) -> Vec<&str> {
    let mut parts: Vec<_> = name.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    if ["mod", "lib", "main"].contains(parts.last().unwrap_or(&"")) {
        parts.pop();
    }
    parts
}

/// The paths in the shipped code of a file.
fn paths(file: &Source) -> Vec<String> {
    let lines = file.product().lines().filter(|line| !line.trim_start().starts_with("//"));
    // The path of a visibility is not a use.
    let code = lines.collect::<Vec<_>>().join("\n").replace("pub(in ", "pub(");
    let code = code.split("pub(crate::").enumerate().map(|(index, part)| match index {
        0 => part,
        _ => part.split_once(')').map_or(part, |(_, rest)| rest),
    });
    let code = code.collect::<Vec<_>>().join("pub ");
    let mut found = Vec::new();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        match statement
            .rfind("use ")
            .filter(|start| statement[..*start].trim_end().lines().last().is_none_or(introduces))
        {
            Some(start) => {
                rest.push_str(&statement[..start]);
                found.extend(expand(statement[start + 4..].trim_end_matches(';')));
            }
            None => rest.push_str(statement),
        }
    }
    let whole = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    found.extend(rest.split(whole).filter(|word| word.contains("::")).map(str::to_owned));
    found
}

/// Whether the text before `use` can introduce a statement.
fn introduces(before: &str) -> bool {
    let before = before.trim();
    before.is_empty() || before.ends_with([';', '}', '{', ']', ')']) || before.ends_with("pub")
}

/// The paths of a `use` tree.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, list)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split_whitespace().collect()];
    };
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(String::new()),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                items.last_mut().unwrap().push(c);
            }
        }
    }
    let items = items.iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| expand(item)).map(|item| format!("{}{item}", prefix.trim())).collect()
}

/// The file of the longest part of a path that is a module.
fn resolve(modules: &BTreeMap<Vec<&str>, &str>, own: &[&str], path: &str) -> Option<String> {
    let mut segments: Vec<_> = path.split("::").map(str::trim).collect();
    let mut at = match *segments.first()? {
        "crate" => Vec::new(),
        "self" | "super" => own.to_vec(),
        child => {
            let inside = [own, &[child]].concat();
            modules.contains_key(&inside).then(|| own.to_vec())?
        }
    };
    while let Some(first) = segments.first().filter(|first| ["crate", "self", "super"].contains(first)) {
        if *first == "super" {
            at.pop();
        }
        segments.remove(0);
    }
    for segment in segments {
        at.push(segment);
        if !modules.contains_key(&at) {
            at.pop();
            break;
        }
    }
    modules.get(&at).map(|file| (*file).to_owned())
}

/// The strongly connected components with more than one file (Tarjan's algorithm), each in alphabetical order.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let (index, low, stack, found) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), Vec::new());
    let mut search = Search { graph, index, low, stack, found };
    for file in graph.keys() {
        if !search.index.contains_key(file.as_str()) {
            search.visit(file);
        }
    }
    search.found.sort();
    search.found
}

struct Search<'a> {
    graph: &'a Graph,
    /// The position of each file in the order of visits.
    index: BTreeMap<&'a str, usize>,
    /// For each file, the lowest position of a file that it leads back to.
    low: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    found: Vec<Vec<String>>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, file: &'a str) {
        let number = self.index.len();
        self.index.insert(file, number);
        self.low.insert(file, number);
        self.stack.push(file);
        for used in self.graph.get(file).into_iter().flatten() {
            let back = match self.index.get(used.as_str()) {
                None => {
                    self.visit(used);
                    self.low[used.as_str()]
                }
                Some(number) if self.stack.contains(&used.as_str()) => *number,
                Some(_) => continue,
            };
            let low = self.low[file].min(back);
            self.low.insert(file, low);
        }
        if self.low[file] == number {
            let start = self.stack.iter().position(|one| *one == file).unwrap();
            let mut circle: Vec<_> = self.stack.split_off(start).into_iter().map(str::to_owned).collect();
            circle.sort();
            if circle.len() > 1 {
                self.found.push(circle);
            }
        }
    }
}
