//! Compares two OpenAPI documents and finds the places where the later one accepts less or promises less than the earlier.
//! Requests may only widen, responses may only narrow. Each schema is therefore compared in the direction of its use. The
//! comparison starts at the operations and follows the references.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The values of an open enumeration.
const OPEN: &str = "x-extensible-enum";

/// The breaks, as pointers with a description.
pub(crate) fn breaking(before: &Value, after: &Value) -> Vec<String> {
    let mut comparison = Comparison { before, after, found: BTreeSet::new(), under_way: BTreeSet::new() };
    for (path, item) in fields(&before["paths"]) {
        let place = format!("/paths/{}", token(path));
        let Some(now) = after["paths"].get(path) else {
            comparison.report(&place, "the path was removed");
            continue;
        };
        for (method, operation) in fields(item) {
            let place = format!("{place}/{method}");
            match now.get(method) {
                Some(now) => comparison.operation(&place, operation, now),
                None => comparison.report(&place, "the operation was removed"),
            }
        }
    }
    for (event, item) in fields(&before["webhooks"]) {
        let place = format!("/webhooks/{event}");
        match after["webhooks"].get(event) {
            // A client receives the body.
            Some(now) => {
                let (body, now) = (&item["post"]["requestBody"], &now["post"]["requestBody"]);
                comparison.content(&place, body, now, Direction::Response);
            }
            None => comparison.report(&place, "the event was removed"),
        }
    }
    comparison.found.into_iter().collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Request,
    Response,
}

struct Comparison<'a> {
    before: &'a Value,
    after: &'a Value,
    found: BTreeSet<String>,
    /// References that are being compared, so that the comparison of a recursive schema ends.
    under_way: BTreeSet<(String, String, Direction)>,
}

impl<'a> Comparison<'a> {
    fn report(&mut self, place: &str, what: &str) {
        self.found.insert(format!("{place}: {what}"));
    }

    fn operation(&mut self, place: &str, before: &'a Value, after: &'a Value) {
        if before["operationId"] != after["operationId"] {
            self.report(&format!("{place}/operationId"), "generated clients call the operation by it");
        }
        if rank(after) > rank(before) {
            self.report(&format!("{place}/security"), "a role that was sufficient is not");
        }
        self.parameters(place, before, after);
        let place_of_body = format!("{place}/requestBody");
        let (body, now) = (&before["requestBody"], &after["requestBody"]);
        if now["required"] == true && body["required"] != true {
            self.report(&format!("{place_of_body}/required"), "the body was optional");
        }
        self.content(&place_of_body, body, now, Direction::Request);
        for (status, response) in fields(&before["responses"]) {
            let place = format!("{place}/responses/{status}");
            let Some(now) = after["responses"].get(status) else {
                // Removing an error status does not break clients.
                if status.starts_with('2') {
                    self.report(&place, "the response was removed");
                }
                continue;
            };
            let (response, now) = (resolve(self.before, response).0, resolve(self.after, now).0);
            for (name, _) in fields(&response["headers"]).filter(|(name, _)| now["headers"].get(name).is_none()) {
                self.report(&format!("{place}/headers/{name}"), "the header was removed");
            }
            self.content(&place, response, now, Direction::Response);
        }
    }

    fn parameters(&mut self, place: &str, before: &'a Value, after: &'a Value) {
        let place = format!("{place}/parameters");
        let named = |wanted: &Value, list: &'a Value| {
            items(list).find(|one| one["name"] == wanted["name"] && one["in"] == wanted["in"])
        };
        for parameter in items(&before["parameters"]) {
            let place = format!("{place}/{}", text(&parameter["name"]));
            match named(parameter, &after["parameters"]) {
                Some(now) => self.schema(&place, &parameter["schema"], &now["schema"], Direction::Request),
                None => self.report(&place, "the parameter was removed"),
            }
        }
        for parameter in items(&after["parameters"]).filter(|one| one["required"] == true) {
            if named(parameter, &before["parameters"]).is_none_or(|known| known["required"] != true) {
                self.report(&format!("{place}/{}/required", text(&parameter["name"])), "it was not required");
            }
        }
    }

    fn content(&mut self, place: &str, before: &'a Value, after: &'a Value, direction: Direction) {
        for (kind, content) in fields(&before["content"]) {
            let place = format!("{place}/content/{}", token(kind));
            match after["content"].get(kind) {
                Some(now) => self.schema(&place, &content["schema"], &now["schema"], direction),
                None => self.report(&place, "the media type was removed"),
            }
        }
    }

    fn schema(&mut self, place: &str, before: &'a Value, after: &'a Value, direction: Direction) {
        let ((before, first), (after, second)) = (resolve(self.before, before), resolve(self.after, after));
        let pair = (first.to_owned(), second.to_owned(), direction);
        let named = !first.is_empty() || !second.is_empty();
        if named && !self.under_way.insert(pair.clone()) {
            return;
        }
        // A request schema must still accept all earlier values; a response schema must stay within its earlier values.
        let (wide, narrow) = if direction == Direction::Request { (after, before) } else { (before, after) };
        self.values(place, wide, narrow, direction);
        self.bounds(place, wide, narrow);
        self.properties(place, before, after, direction);
        if before.get("items").is_some() {
            self.schema(&format!("{place}/items"), &before["items"], &after["items"], direction);
        }
        for name in ["oneOf", "anyOf", "allOf"] {
            self.alternatives(&format!("{place}/{name}"), &before[name], &after[name], direction);
        }
    }

    /// `wide` must allow every type and enum value of `narrow`. An open enumeration may grow in both directions; requests may still
    /// have each of its earlier values.
    fn values(&mut self, place: &str, wide: &Value, narrow: &Value, direction: Direction) {
        let (allowed, used) = (types(wide), types(narrow));
        if !allowed.is_empty() && !used.iter().all(|one| allowed.contains(one)) {
            self.report(&format!("{place}/type"), &format!("{used:?} against {allowed:?}"));
        }
        let values = |schema: &Value| schema.get("enum").or_else(|| schema.get(OPEN)).cloned();
        let name = if wide.get("enum").is_some() { "enum" } else { OPEN };
        let Some(listed) = values(wide).filter(|_| name == "enum" || direction == Direction::Request) else { return };
        let used = if direction == Direction::Request { values(narrow) } else { narrow.get("enum").cloned() };
        let missing: Vec<_> =
            used.iter().flat_map(items).filter(|one| !items(&listed).any(|two| two == *one)).collect();
        if !missing.is_empty() || used.is_none() {
            self.report(&format!("{place}/{name}"), &format!("differs by {missing:?}"));
        }
    }

    fn bounds(&mut self, place: &str, wide: &Value, narrow: &Value) {
        let lower = ["minimum", "minLength", "minItems"].map(|name| (name, -1.0));
        let upper = ["maximum", "maxLength", "maxItems"].map(|name| (name, 1.0));
        for (name, sign) in lower.into_iter().chain(upper) {
            let Some(bound) = wide[name].as_f64() else { continue };
            // Lengths and counts have an implicit minimum of 0.
            let other =
                narrow[name].as_f64().or_else(|| name.starts_with("min").then_some(0.0).filter(|_| name != "minimum"));
            if other.is_none_or(|other| other * sign > bound * sign) {
                self.report(&format!("{place}/{name}"), &format!("{} against {bound}", narrow[name]));
            }
        }
        for name in ["pattern", "format"] {
            if wide.get(name).is_some() && wide[name] != narrow[name] {
                self.report(&format!("{place}/{name}"), "a different structure");
            }
        }
    }

    fn properties(&mut self, place: &str, before: &'a Value, after: &'a Value, direction: Direction) {
        for (name, schema) in fields(&before["properties"]) {
            let place = format!("{place}/properties/{name}");
            match after["properties"].get(name) {
                Some(now) => self.schema(&place, schema, now, direction),
                None => self.report(&place, "the field was removed"),
            }
        }
        // A request may not require more properties, and a response may not stop requiring one.
        let (more, less) = if direction == Direction::Request { (after, before) } else { (before, after) };
        for name in items(&more["required"]).filter(|name| !items(&less["required"]).any(|one| one == *name)) {
            self.report(&format!("{place}/required/{}", text(name)), "required on one side only");
        }
        let closed = |schema: &Value| schema["additionalProperties"] == false;
        if direction == Direction::Request && closed(after) && !closed(before) {
            self.report(&format!("{place}/additionalProperties"), "other fields were accepted");
        }
    }

    /// Alternatives are compared one by one in their order; a different number of them is a break.
    fn alternatives(&mut self, place: &str, before: &'a Value, after: &'a Value, direction: Direction) {
        let (count, now) = (items(before).count(), items(after).count());
        let wider =
            if direction == Direction::Request { now >= count } else { now <= count && (now > 0 || count == 0) };
        if !wider || (count == 0) != (now == 0) {
            self.report(place, &format!("{count} alternatives became {now}"));
        }
        for (index, (before, after)) in items(before).zip(items(after)).enumerate() {
            self.schema(&format!("{place}/{index}"), before, after, direction);
        }
    }
}

/// A schema or response behind its reference, and the reference's text, which is empty if there is none.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> (&'a Value, &'a str) {
    let reference = text(&value["$ref"]);
    match reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer)) {
        Some(found) => (found, reference),
        None => (value, ""),
    }
}

fn rank(operation: &Value) -> usize {
    let role = text(&operation["security"][0]["key"][0]);
    ["", "browser", "intake", "staff", "admin"].iter().position(|one| *one == role).unwrap_or(usize::MAX)
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(text).collect(),
        _ => Vec::new(),
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn token(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
