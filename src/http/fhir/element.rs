//! Elements that several resources share. What is absent is left out: FHIR has no null and no empty array.

use serde::Serialize;

/// Whether an element says nothing.
pub(super) trait Element {
    /// Whether to leave it out.
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

/// Makes structs of elements: camel case on the wire, without what is absent.
macro_rules! elements {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        #[allow(clippy::struct_field_names, reason = "FHIR names them")]
        pub(super) struct $name {$(
            $(#[$attribute])*
            #[serde(skip_serializing_if = "crate::http::fhir::element::Element::is_absent")]
            pub(super) $field: $kind,
        )*}
    )*};
}
pub(super) use elements;

elements! {
    /// A code of a system.
    Coding {
        extension: Vec<Extension>,
        system: String,
        code: String,
        display: Option<String>,
    }
    /// A concept, by code or in words.
    CodeableConcept {
        coding: Vec<Coding>,
        text: Option<String>,
    }
    /// A name that another system gave.
    Identifier {
        system: Option<String>,
        value: String,
    }
    /// A reference, to a resource here or by a name that is no address.
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
    /// An expression that a form computes.
    Expression {
        description: Option<&'static str>,
        language: &'static str,
        expression: String,
    }
    /// A span of time.
    Period {
        start: Option<String>,
        end: Option<String>,
    }
    /// Something written.
    Annotation {
        text: String,
    }
    /// What is known of the resource itself.
    Meta {
        version_id: Option<String>,
        last_updated: Option<String>,
        tag: Vec<Coding>,
    }
}

impl Coding {
    /// A code with what a person reads.
    pub(super) fn new(system: &str, code: impl Into<String>, display: Option<String>) -> Self {
        let display = display.filter(|text| !text.is_empty());
        Self { system: system.to_owned(), code: code.into(), display, extension: Vec::new() }
    }
}

impl CodeableConcept {
    /// One code, with words where there are any.
    pub(super) fn code(system: &str, code: impl Into<String>, text: Option<String>) -> Self {
        Self { coding: vec![Coding::new(system, code, None)], text: text.filter(|text| !text.is_empty()) }
    }

    /// Words alone.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { coding: Vec::new(), text: Some(text.into()) }
    }
}

impl Reference {
    /// A resource that is served here.
    pub(super) fn to(kind: &'static str, id: impl std::fmt::Display) -> Self {
        Self { reference: Some(format!("{kind}/{id}")), kind: Some(kind), identifier: None }
    }

    /// Somebody of whom no resource is served, by the id that is used here.
    pub(super) fn named(kind: &'static str, system: &str, id: impl std::fmt::Display) -> Self {
        let identifier = Identifier { system: Some(system.to_owned()), value: id.to_string() };
        Self { reference: None, kind: Some(kind), identifier: Some(identifier) }
    }
}

/// A resource with its type, which JSON needs first.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Typed<T> {
    resource_type: &'static str,
    #[serde(flatten)]
    resource: T,
}

impl<T> Typed<T> {
    /// Names the type.
    pub(super) const fn new(resource_type: &'static str, resource: T) -> Self {
        Self { resource_type, resource }
    }
}
