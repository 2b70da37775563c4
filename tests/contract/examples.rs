//! Every example of the document fits its schema, and every JSON body of a request or response has an example.

use jsonschema::Validator;
use serde_json::{Value, json};

#[test]
fn every_example_fits_its_schema_and_every_body_has_one() {
    let document: Value = serde_json::from_str(&sarcoscreen::http::document()).unwrap();
    let mut found = Found { document: &document, checked: 0, faults: Vec::new() };
    found.walk("", &document);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().iter();
            let fine = answers.filter(|(status, _)| status.starts_with('2')).map(|(_, answer)| answer);
            for body in fine.chain([&operation["requestBody"]]) {
                let content = &body["content"]["application/json"];
                if content.is_object() && content.get("example").is_none() {
                    found.faults.push(format!("{method} {path}: no example: {content}"));
                }
            }
        }
    }
    println!("{} examples fit", found.checked);
    assert!(found.faults.is_empty(), "{:#?}", found.faults);
    assert!(found.checked > 90, "only {} examples were found", found.checked);
}

#[test]
fn a_wrong_example_is_found() {
    let document = json!({"content": {"schema": {"type": "string", "format": "uuid"}, "example": "no id"}});
    let mut found = Found { document: &document, checked: 0, faults: Vec::new() };
    found.walk("", &document);
    assert_eq!((found.checked, found.faults.len()), (1, 1));
}

struct Found<'a> {
    document: &'a Value,
    checked: usize,
    faults: Vec<String>,
}

impl Found<'_> {
    /// Examples are next to their schema (bodies, parameters) or within it (`Fault`'s fields).
    fn walk(&mut self, place: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                // A schema's properties may include one called `example`; its value is then a schema.
                if let Some(example) = fields.get("example").filter(|_| !place.ends_with("/properties")) {
                    self.check(place, fields.get("schema").unwrap_or(value), example);
                }
                for (name, value) in fields.iter().filter(|(name, _)| *name != "example") {
                    self.walk(&format!("{place}/{}", name.replace('/', "~1")), value);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| self.walk(&format!("{place}/{n}"), item));
            }
            _ => {}
        }
    }

    fn check(&mut self, place: &str, schema: &Value, example: &Value) {
        self.checked += 1;
        let faults: Vec<String> = self.validator(schema).iter_errors(example).map(|fault| fault.to_string()).collect();
        if !faults.is_empty() {
            self.faults.push(format!("{place}: {faults:?}"));
        }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let whole = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema],
            "components": self.document["components"]});
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    }
}
