//! The files of the web pages: their sizes, and what they may not contain.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGES: &str = "src/http/pages";
/// Most lines of a template and of a module.
const MOST_LINES: usize = 150;

/// The files below a folder of the pages with this extension: names and texts.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGES).join(folder);
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    let fits = |path: &PathBuf| path.extension().is_some_and(|of_file| of_file == extension);
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
    let found: Vec<_> = paths.into_iter().filter(fits).map(read).collect();
    assert!(!found.is_empty(), "no {extension} in {folder}");
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// The values of an attribute in a template.
fn values<'a>(text: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let rest = text.match_indices(&begin).map(|(place, _)| &text[place + begin.len()..]);
    rest.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn templates_and_modules_stay_small() {
    for (name, text) in files("templates", "html").into_iter().chain(files("assets", "js")) {
        assert!(text.lines().count() <= MOST_LINES, "{name}: the cap is {MOST_LINES} lines");
    }
}

#[test]
fn nothing_is_inline_and_nothing_is_trusted() {
    for (name, text) in files("templates", "html") {
        for inline in [" style=", "<style", "javascript:", "|safe", "| safe"] {
            assert!(!text.contains(inline), "{name}: {inline}");
        }
        for script in text.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=") && rest.starts_with("</script>"), "{name}: a script without its own file");
        }
        for tag in text.split('<').skip(1) {
            let attributes = tag.split('>').next().unwrap().split_whitespace().skip(1);
            let handlers: Vec<_> = attributes.filter(|attribute| attribute.starts_with("on")).collect();
            assert!(handlers.is_empty(), "{name}: {handlers:?}");
        }
    }
}

/// A browser may refuse its storage; a module must go on without it.
#[test]
fn modules_use_the_storage_of_a_browser_only_where_a_refusal_is_caught() {
    let mut count = 0;
    for (name, text) in files("assets", "js") {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let uses = line.matches("sessionStorage").count() + line.matches("localStorage").count();
            let is_caught = line.contains("{ try { return use(") && line.contains("} catch { return null; } }");
            assert!(uses == 0 || uses == 1 && is_caught, "{name}: {line}");
            count += uses;
        }
    }
    assert_eq!(count, 3, "the tab of the form, the tab and the device of staff");
}

/// A link to a publication is no request of the page.
#[test]
fn no_file_names_another_host() {
    let assets = ["css", "js", "svg"].into_iter().flat_map(|extension| files("assets", extension));
    for (name, text) in files("templates", "html").into_iter().chain(assets) {
        let text = text.replace("<a href=\"https://doi.org/", "").replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!text.contains("://") && !text.contains("\"//") && !text.contains("url("), "{name}");
    }
}

#[test]
fn no_markup_is_in_rust_code() {
    for (name, text) in files("", "rs") {
        let product = text.split("#[cfg(test)]").next().unwrap();
        for line in product.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let strings = line.split('"').skip(1).step_by(2);
            let markup: Vec<_> = strings.filter(|text| text.contains("</") || text.contains("/>")).collect();
            assert!(markup.is_empty(), "{name}: {markup:?}");
        }
    }
}

#[test]
fn every_class_is_defined_and_every_defined_class_is_used() {
    let (mut used, mut defined) = (BTreeSet::new(), BTreeSet::new());
    for (_, text) in files("templates", "html") {
        used.extend(values(&text, "class").into_iter().flat_map(str::split_whitespace).map(str::to_owned));
    }
    for (_, text) in files("assets", "css") {
        // Selectors come before a brace; a figure such as `.5rem` does not begin with a letter.
        for selector in text.split('{').filter_map(|part| part.rsplit(['}', ';', '/']).next()) {
            let classes = selector.split('.').skip(1);
            for class in classes.filter(|class| class.starts_with(|c: char| c.is_ascii_lowercase())) {
                let end = class.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(class.len());
                defined.insert(class[..end].to_owned());
            }
        }
    }
    assert_eq!(used, defined);
}

#[test]
fn the_stylesheet_has_its_four_layers_and_both_themes() {
    let all = files("assets", "css");
    let [(_, text)] = &all[..] else { panic!("one stylesheet") };
    assert!(text.contains("@layer tokens, base, components, pages;"));
    for layer in ["tokens", "base", "components", "pages"] {
        assert_eq!(text.matches(&format!("@layer {layer} {{")).count(), 1, "{layer}");
    }
    assert!(text.contains("prefers-color-scheme: dark") && text.contains("@media print"));
    // Colours are tokens, so that both themes have each.
    let rules = text.split("@layer base {").nth(1).unwrap().split("@media print").next().unwrap();
    assert!(!rules.contains('#'), "a colour outside the tokens");
}
