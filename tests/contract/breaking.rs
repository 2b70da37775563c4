//! Compares the document with the last released one: a new version may add to the interface, but must not remove anything
//! that clients use.

use std::path::Path;

use serde_json::{Value, json};

use crate::compared::breaking;

#[test]
fn the_document_breaks_no_released_client() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/released/v1.json");
    let released: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let now: Value = serde_json::from_str(&sarcoscreen::http::document()).unwrap();
    let found = breaking(&released, &now);
    assert!(found.is_empty(), "a client of the released document breaks on:\n{found:#?}");
}

fn document() -> Value {
    json!({
        "paths": {"/v1/things/{id}": {"post": {
            "operationId": "create_thing",
            "security": [{"key": ["intake"]}],
            "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200}}],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingInput"}}}},
            "responses": {"201": {
                "headers": {"Location": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
            }}
        }}},
        "webhooks": {"thing.made": {"post": {"requestBody": {
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
        }}}},
        "components": {"schemas": {
            "ThingInput": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 20},
                    "kind": {"type": ["string", "null"], "enum": ["a", "b", null]},
                    "origin": {"type": "string", "x-extensible-enum": ["a", "b"]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/ThingInput"}}
                }
            },
            "Thing": {
                "type": "object",
                "required": ["id", "kind"],
                "properties": {
                    "id": {"type": "string"},
                    "kind": {"type": "string", "enum": ["a", "b"]},
                    "origin": {"type": "string", "x-extensible-enum": ["a", "b"]},
                    "more": {"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]}
                }
            }
        }}
    })
}

/// The breaks that are found when the value at a pointer is replaced; null removes it.
fn after(pointer: &str, value: Value) -> Vec<String> {
    let mut changed = document();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")).as_object_mut().unwrap();
    let name = name.replace("~1", "/");
    if value.is_null() {
        parent.remove(&name)
    } else {
        parent.insert(name, value)
    };
    breaking(&document(), &changed)
}

const POST: &str = "/paths/~1v1~1things~1{id}/post";
const INPUT: &str = "/components/schemas/ThingInput";
const OUTPUT: &str = "/components/schemas/Thing";

#[test]
fn each_deliberate_break_is_found_at_its_place() {
    let breaks = [
        ("/paths/~1v1~1things~1{id}".into(), Value::Null, "/paths/~1v1~1things~1{id}"),
        (POST.into(), Value::Null, POST),
        (format!("{POST}/operationId"), json!("make_thing"), "operationId"),
        (format!("{POST}/security"), json!([{"key": ["admin"]}]), "security"),
        (format!("{POST}/parameters"), json!([]), "limit"),
        (
            format!("{POST}/parameters"),
            json!([{"name": "limit", "in": "query", "required": true,
            "schema": {"type": "integer", "minimum": 1, "maximum": 200}}]),
            "limit/required",
        ),
        (format!("{POST}/parameters/0/schema/maximum"), Value::Null, ""),
        (format!("{POST}/responses/201"), Value::Null, "responses/201"),
        (format!("{POST}/responses/201/headers/Location"), Value::Null, "headers/Location"),
        (format!("{POST}/responses/201/content/application~1json"), Value::Null, "application~1json"),
        (format!("{POST}/requestBody/content/application~1json"), Value::Null, "application~1json"),
        ("/webhooks/thing.made".into(), Value::Null, "/webhooks/thing.made"),
        (
            "/webhooks/thing.made/post/requestBody/content/application~1json/schema".into(),
            json!({"$ref": "#/components/schemas/ThingInput"}),
            "/webhooks/thing.made",
        ),
        (format!("{INPUT}/required"), json!(["name", "kind"]), "required/kind"),
        (format!("{INPUT}/properties/parts"), Value::Null, "properties/parts"),
        (format!("{INPUT}/properties/name/maxLength"), json!(19), "name/maxLength"),
        (format!("{INPUT}/properties/name/minLength"), json!(2), "name/minLength"),
        (format!("{INPUT}/properties/name/pattern"), json!("^a"), "name/pattern"),
        (format!("{INPUT}/properties/name/type"), json!("integer"), "name/type"),
        (format!("{INPUT}/properties/kind/enum"), json!(["a", null]), "kind/enum"),
        (format!("{INPUT}/properties/origin/x-extensible-enum"), json!(["a", "c"]), "origin/x-extensible-enum"),
        (format!("{INPUT}/properties/origin"), json!({"type": "string", "enum": ["a"]}), "origin/enum"),
        (
            format!("{INPUT}/properties/kind"),
            json!({"type": ["string", "null"], "x-extensible-enum": ["a", null]}),
            "kind/x-extensible-enum",
        ),
        (
            format!("{INPUT}/properties/name"),
            json!({"type": "string", "minLength": 1, "maxLength": 20, "x-extensible-enum": ["a"]}),
            "name/x-extensible-enum",
        ),
        (format!("{INPUT}/properties/kind/type"), json!("string"), "kind/type"),
        (format!("{INPUT}/additionalProperties"), json!(false), "additionalProperties"),
        (format!("{OUTPUT}/properties/id"), Value::Null, "properties/id"),
        (format!("{OUTPUT}/required"), json!(["id"]), "required/kind"),
        (format!("{OUTPUT}/properties/id/type"), json!(["string", "null"]), "id/type"),
        (format!("{OUTPUT}/properties/kind/enum"), json!(["a", "b", "c"]), "kind/enum"),
        (format!("{OUTPUT}/properties/kind"), json!({"type": "string", "x-extensible-enum": ["a", "b"]}), "kind/enum"),
        (format!("{OUTPUT}/properties/more"), json!({"type": "string"}), "properties/more"),
    ];
    for (pointer, value, place) in breaks {
        let found = after(&pointer, value.clone());
        if place.is_empty() {
            assert!(found.is_empty(), "{pointer}: accepting more is not a break, but: {found:?}");
        } else {
            assert!(found.iter().any(|one| one.contains(place)), "{pointer} to {value}: {found:?}");
        }
    }
}

#[test]
fn additions_break_no_client() {
    let additions = [
        ("/paths/~1v1~1others".into(), json!({"get": {"operationId": "list_others", "responses": {}}})),
        (format!("{POST}/parameters/0/schema/minimum"), json!(0)),
        (format!("{POST}/security"), json!([{"key": ["browser"]}])),
        (format!("{POST}/responses/409"), json!({"description": "A conflict"})),
        (format!("{INPUT}/properties/more"), json!({"type": ["string", "null"]})),
        (format!("{INPUT}/required"), json!([])),
        (format!("{INPUT}/properties/kind/enum"), json!(["a", "b", "c", null])),
        (format!("{INPUT}/properties/origin/x-extensible-enum"), json!(["a", "b", "c"])),
        (format!("{OUTPUT}/properties/origin/x-extensible-enum"), json!(["a", "b", "c"])),
        (format!("{INPUT}/properties/name/maxLength"), json!(40)),
        (format!("{OUTPUT}/properties/other"), json!({"type": "string"})),
        (format!("{OUTPUT}/required"), json!(["id", "kind", "more"])),
        (format!("{OUTPUT}/properties/kind/enum"), json!(["a"])),
        (format!("{OUTPUT}/description"), json!("Another wording")),
        ("/webhooks/thing.changed".into(), json!({"post": {"requestBody": {"content": {}}}})),
    ];
    for (pointer, value) in additions {
        assert_eq!(after(&pointer, value), Vec::<String>::new(), "{pointer}");
    }
    assert_eq!(breaking(&document(), &document()), Vec::<String>::new());
}
