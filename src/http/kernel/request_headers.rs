//! Schema of the headers that many operations take, as `extract.rs` reads them.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// Visible ASCII except quotes and backslash; bare, or entirely in double quotes.
const RETRY_KEY: &str = r#"^([!#-\[\]-~]{1,255}|"[!#-\[\]-~]{1,255}")$"#;
/// An `ETag` of this service.
const VERSION: &str = r#"^"[0-9]{1,9}"$"#;

/// Adds the schema of the headers of an operation.
pub(in crate::http) fn describe(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match &*parameter.name {
            "Idempotency-Key" => form(parameter, RETRY_KEY, "3f0c7a52-5d0e-4a6b-9c54-0a1d2f3e4b5c"),
            "If-Match" => form(parameter, VERSION, "\"1\""),
            _ => {}
        }
    }
}

fn form(parameter: &mut Parameter, pattern: &str, example: &str) {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build();
    let parameter_before = std::mem::take(parameter);
    let builder = ParameterBuilder::from(parameter_before).schema(Some(Schema::Object(schema)));
    *parameter = builder.example(Some(example.into())).build();
}
