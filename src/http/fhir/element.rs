//! Elements that several resources share. Absent elements are omitted: FHIR has no null and no empty array.

use serde::Serialize;

/// An element that may be absent.
pub(super) trait Element {
    /// Whether to omit the element.
    fn is_absent(&self) -> bool;
}

impl<T> Element for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Element for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Element for String {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Element for &str {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Defines structs of elements: camel case in JSON, absent elements omitted.
macro_rules! elements {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        #[allow(clippy::struct_field_names, reason = "the names are those of FHIR")]
        pub(super) struct $name {$(
            $(#[$attribute])*
            #[serde(skip_serializing_if = "crate::http::fhir::element::Element::is_absent")]
            pub(super) $field: $kind,
        )*}
    )*};
}
pub(super) use elements;

elements! {
    /// A code of a code system.
    Coding {
        extension: Vec<Extension>,
        system: String,
        code: String,
        display: Option<String>,
    }
    /// A concept, as codes or text.
    CodeableConcept {
        coding: Vec<Coding>,
        text: Option<String>,
    }
    /// An identifier given by another system.
    Identifier {
        system: Option<String>,
        value: String,
    }
    /// A reference to a resource served here, or by identifier.
    Reference {
        reference: Option<String>,
        #[serde(rename = "type")]
        kind: Option<&'static str>,
        identifier: Option<Identifier>,
    }
    /// An extension.
    Extension {
        url: &'static str,
        value_decimal: Option<f64>,
        value_integer: Option<i32>,
        value_expression: Option<Expression>,
    }
    /// An expression that a form filler evaluates.
    Expression {
        description: Option<&'static str>,
        language: &'static str,
        expression: String,
    }
    /// A period of time.
    Period {
        start: Option<String>,
        end: Option<String>,
    }
    /// A note.
    Annotation {
        text: String,
    }
    /// Metadata of the resource.
    Meta {
        version_id: Option<String>,
        last_updated: Option<String>,
        tag: Vec<Coding>,
    }
}

impl Coding {
    /// A code with its display text.
    pub(super) fn new(system: &str, code: impl Into<String>, display: Option<String>) -> Self {
        let display = display.filter(|text| !text.is_empty());
        Self { system: system.to_owned(), code: code.into(), display, extension: Vec::new() }
    }
}

impl CodeableConcept {
    /// One code, with text if it is not empty.
    pub(super) fn code(system: &str, code: impl Into<String>, text: Option<String>) -> Self {
        Self { coding: vec![Coding::new(system, code, None)], text: text.filter(|text| !text.is_empty()) }
    }

    /// Text without a code.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { coding: Vec::new(), text: Some(text.into()) }
    }
}

impl Reference {
    /// A reference to a resource served here.
    pub(super) fn to(kind: &'static str, id: impl std::fmt::Display) -> Self {
        Self { reference: Some(format!("{kind}/{id}")), kind: Some(kind), identifier: None }
    }

    /// A reference to something that is not served as a resource, by the id used here.
    pub(super) fn named(kind: &'static str, system: &str, id: impl std::fmt::Display) -> Self {
        let identifier = Identifier { system: Some(system.to_owned()), value: id.to_string() };
        Self { reference: None, kind: Some(kind), identifier: Some(identifier) }
    }
}

/// A resource with its type, which must come first in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Typed<T> {
    resource_type: &'static str,
    #[serde(flatten)]
    resource: T,
}

impl<T> Typed<T> {
    pub(super) const fn new(resource_type: &'static str, resource: T) -> Self {
        Self { resource_type, resource }
    }
}
