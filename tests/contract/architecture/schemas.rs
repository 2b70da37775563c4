//! Each schema of the document belongs to one Rust type. Of two types with one name, the document would show only one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::source::{Source, sources};

/// Files that name schemas by hand: every name in quotes is one, except in a reference to a schema.
const BY_HAND: [&str; 3] =
    ["src/http/kernel/names.rs", "src/http/v1/screening/answers.rs", "src/http/v1/webhooks/events.rs"];

/// The names that a file gives to schemas: with `derive(ToSchema)`, with the macro of pages, or by hand.
fn given(file: &Source) -> Vec<String> {
    let lines: Vec<&str> = file.product().lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
    let mut names = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with("#[derive(") && line.contains("ToSchema") {
            names.extend(derived(&lines[index..]));
        } else if let Some((name, _)) = line.split_once(" of ").filter(|(_, rest)| rest.contains(", from ")) {
            names.push(name);
        } else if BY_HAND.contains(&file.name.as_str()) && !line.contains("from_schema_name") {
            names.extend(line.split('"').skip(1).step_by(2));
        }
    }
    // Others are places of a macro, values and descriptions.
    let is_name = |text: &&str| text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphanumeric);
    names.into_iter().filter(is_name).map(str::to_owned).collect()
}

/// The name of a derived schema: that of `schema(as = ..)`, otherwise that of the type.
fn derived<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let (index, name) = lines.iter().copied().enumerate().find_map(|(index, line)| Some((index, type_name(line)?)))?;
    let renamed = lines[..index].iter().find_map(|line| line.split_once("schema(as = "));
    renamed.map_or(Some(name), |(_, rest)| rest.split([',', ')']).next())
}

/// The name of the type that a line begins; `None` for other lines.
fn type_name(line: &str) -> Option<&str> {
    if line.starts_with('#') {
        return None;
    }
    let mut words = line.split([' ', '<', '(', ';']);
    words.find(|word| ["struct", "enum"].contains(word))?;
    words.next()
}

#[test]
fn each_schema_belongs_to_one_type() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources().iter().filter(|file| file.ring == "http") {
        for name in given(file) {
            files.entry(name).or_default().push(file.name.clone());
        }
    }
    let document: Value = serde_json::from_str(&sarcoscreen::http::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let missed: Vec<&String> = schemas.keys().filter(|name| !files.contains_key(*name)).collect();
    assert!(schemas.len() > 100 && missed.is_empty(), "{} schemas, not found in the source: {missed:?}", schemas.len());
    let shared: BTreeMap<_, _> = files.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(shared.is_empty(), "several types have the name of a schema: {shared:#?}");
}

#[test]
fn the_names_of_schemas_are_found_in_the_source() {
    let text = "
        /// A page of items, from rows.
        #[derive(Clone, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = Contact, description = \"A struct\")]
        pub struct ContactBody<'a> {
        #[derive(Clone, Copy, ToSchema)]
        pub(in crate::http) enum Contact {
        #[derive(utoipa::ToSchema)]
        pub struct $name {
            ContactPage of ContactBody, from Contact
        ChannelName(Channel) as \"Channel\";
        Ref::from_schema_name(\"Channel\")";
    let file = |name: &str| Source { name: name.to_owned(), ring: "http".to_owned(), text: text.to_owned() };
    assert_eq!(given(&file("src/http/v1/contact.rs")), ["Contact", "Contact", "ContactPage"]);
    assert_eq!(given(&file(BY_HAND[0])), ["Contact", "Contact", "ContactPage", "Channel"]);
}
