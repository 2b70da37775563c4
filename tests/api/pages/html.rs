//! Reads the HTML of a page: its elements with their texts. Reading fails on what a page may not have.

use std::collections::BTreeSet;

use crate::world::Answer;

/// The policy of every page outside a frame.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                                 connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Elements without content.
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];

pub(super) struct Page {
    pub(super) answer: Answer,
    pub(super) elements: Vec<Element>,
}

#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Its text with that of the elements in it.
    pub(super) text: String,
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.0 == name).map(|attribute| &*attribute.1)
    }

    fn has_class(&self, class: &str) -> bool {
        self.get("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
    }
}

impl Page {
    /// Reads a page and checks what all pages have in common.
    pub(super) fn of(answer: Answer, address: &str) -> Self {
        Self::with_policy(answer, address, POLICY)
    }

    /// The same for a page with another policy.
    pub(super) fn with_policy(answer: Answer, address: &str, policy: &str) -> Self {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{address}: {}", answer.text);
        for (name, value) in [
            ("content-security-policy", policy),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-site"),
        ] {
            assert_eq!(answer.header(name), value, "{address}");
        }
        assert!(answer.text.starts_with("<!doctype html>"), "{address}");
        let page = Self { elements: elements(&answer.text, address), answer };
        page.check(address);
        page
    }

    fn check(&self, address: &str) {
        let count = |name: &str| self.elements.iter().filter(|element| element.name == name).count();
        assert_eq!(["html", "title", "main", "h1"].map(count), [1; 4], "{address}");
        let ids: Vec<_> = self.elements.iter().filter_map(|element| element.get("id")).collect();
        let known: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(known.len(), ids.len(), "{address}: an id occurs twice");
        let mut level = 1;
        for element in &self.elements {
            let place = || format!("{address}: {} {:?}", element.name, element.attributes);
            for name in ["aria-labelledby", "for"] {
                assert!(element.get(name).is_none_or(|id| known.contains(id)), "{}", place());
            }
            let own = |value: &str| value.starts_with('/') && !value.starts_with("//");
            match (&*element.name, element.get("href"), element.get("src")) {
                ("a", Some(href), _) => {
                    let anchor = href.strip_prefix('#').map(|id| known.contains(id));
                    let calls = href.strip_prefix("tel:").is_some_and(|number| !number.is_empty());
                    let others = ["https://doi.org/10.", "https://clinic.example/"];
                    let led = own(href) || calls || others.iter().any(|other| href.starts_with(other));
                    assert!(anchor.unwrap_or(led), "{}", place());
                    assert!(!element.text.trim().is_empty(), "{}", place());
                }
                // What a browser requests by itself.
                (_, href, source) => assert!(href.into_iter().chain(source).all(own), "{}", place()),
            }
            let inline = element.attributes.iter().any(|(name, _)| name == "style" || name.starts_with("on"));
            assert!(!inline, "{}", place());
            assert!(element.name != "style" && (element.name != "script" || element.text.is_empty()), "{}", place());
            if let Some(next) = element.name.strip_prefix('h').and_then(|number| number.parse::<u8>().ok()) {
                assert!(next <= level + 1 && !element.text.trim().is_empty(), "{}: a heading skips a level", place());
                level = next;
            }
            let filled = ["p", "li", "dt", "dd", "h1", "title"].contains(&&*element.name);
            let is_status = element.get("role") == Some("status");
            assert!(!filled || is_status || !element.text.trim().is_empty(), "{}: empty", place());
            assert!(!element.text.contains("{{") && !element.text.contains("{%"), "{}: a template", place());
        }
    }

    pub(super) fn language(&self) -> &str {
        self.elements.iter().find(|element| element.name == "html").and_then(|html| html.get("lang")).unwrap()
    }

    /// The addresses of all links.
    pub(super) fn links(&self) -> Vec<String> {
        let links = self.elements.iter().filter(|element| element.name == "a");
        links.filter_map(|link| link.get("href")).map(str::to_owned).collect()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.get("id") == Some(id))
    }

    /// The element with this id; fails if the page has none.
    pub(super) fn entry(&self, id: &str) -> &Element {
        self.by_id(id).unwrap_or_else(|| panic!("no element {id}"))
    }

    /// The texts of the elements with a class.
    pub(super) fn texts(&self, class: &str) -> Vec<&str> {
        self.elements.iter().filter(|element| element.has_class(class)).map(|element| &*element.text).collect()
    }

    /// The number of entries that are shown.
    pub(super) fn entries(&self) -> usize {
        self.elements.iter().filter(|element| element.get("data-entry").is_some()).count()
    }

    /// The text of the whole page.
    pub(super) fn text(&self) -> &str {
        &self.elements.iter().find(|element| element.name == "main").unwrap().text
    }
}

/// The elements of a part of a page.
pub(super) fn part(html: &str, address: &str) -> Vec<Element> {
    elements(&format!("<!doctype html>{html}"), address)
}

/// All elements in the order of their beginnings. Fails if they are not nested.
fn elements(html: &str, address: &str) -> Vec<Element> {
    let mut found: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").unwrap();
    while let Some((text, tag_and_rest)) = rest.split_once('<') {
        let text = decoded(text);
        for element in &open {
            found[*element].text.push_str(&text);
        }
        let (tag, after) = tag_and_rest.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().unwrap_or_else(|| panic!("{address}: </{name}> without a beginning"));
            assert_eq!(found[element].name, name, "{address}: not nested");
            continue;
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        found.push(Element { name: name.to_owned(), attributes: attributes_of(attributes), text: String::new() });
        if !VOID.contains(&name) {
            open.push(found.len() - 1);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{address}: {open:?} is not closed");
    found
}

fn attributes_of(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => ("", after),
        };
        found.push((name.to_owned(), decoded(value)));
        rest = after.trim_start();
    }
    found
}

/// A text without character references.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    for (reference, letter) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
        text = text.replace(reference, letter);
    }
    text
}
