//! Answers in the API. Parser and schema are both derived from the domain's item catalogue, so the OpenAPI document always
//! matches what the service accepts.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Deprecated, Ref, RefOr, extensions::ExtensionsBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::screening::answers::{Answers, RawAnswers};
use crate::domain::screening::questionnaire::{CATALOGUE, Item, Kind, Spec};
use crate::http::kernel::names::open;

/// The answers that could be parsed, with all faults below `/answers`.
#[derive(Clone, Debug, Default)]
pub struct AnswersBody {
    pub answers: Answers,
    pub faults: Vec<Fault>,
}

/// Returns the answers of a body and adds their faults; missing answers are a fault.
pub fn answers(body: Option<AnswersBody>, faults: &mut Vec<Fault>) -> Answers {
    let Some(body) = body else {
        faults.push(Fault::new(
            "/answers",
            FaultCode::Required,
            Sentence::new(
                "the answers are missing; send an object, which may be empty",
                "faltan las respuestas; envíe un objeto, que puede estar vacío",
            ),
        ));
        return Answers::default();
    };
    faults.extend(body.faults);
    body.answers
}

impl<'de> Deserialize<'de> for AnswersBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawAnswers::deserialize(deserializer).map_err(|error| D::Error::custom(error.to_string()))?;
        let (answers, faults) = Answers::parse(&raw);
        Ok(Self { answers, faults: faults.into_iter().map(|fault| fault.under("/answers")).collect() })
    }
}

impl PartialSchema for AnswersBody {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .description(Some(
                "Answers by item id. An absent item and null both mean unanswered; an empty array means \
                 asked, with no entry chosen. \
                 Ranges, steps and options are those of GET /v1/questionnaire; an item or option of an earlier rule table is \
                 refused in new answers.",
            ))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let object = CATALOGUE.iter().fold(object, |object, spec| object.property(spec.id, item(spec)));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for AnswersBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "Answers".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for spec in CATALOGUE.iter().filter(|spec| !spec.kind.options().is_empty()) {
            let options = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
            let options = options.enum_values(Some(spec.kind.options().iter().copied()));
            schemas.push((options_name(spec.item).to_owned(), RefOr::T(Schema::Object(options.build()))));
        }
    }
}

/// The schema of an item's options. Items with the same options share it.
const fn options_name(item: Item) -> &'static str {
    match item {
        Item::CarryingDifficulty | Item::WalkingDifficulty | Item::ChairRiseDifficulty | Item::StairDifficulty => {
            "Difficulty"
        }
        Item::Sex => "Sex",
        Item::Fatigue => "Fatigue",
        Item::Activity => "Activity",
        Item::Conditions => "Condition",
        Item::Medications => "Medication",
        Item::FingerRing => "FingerRing",
        Item::TestsUnable => "MovementTest",
        Item::HeadInjury => "HeadInjury",
        _ => "Option",
    }
}

/// An item, by its name in `answers`. Later rule tables may ask further items.
#[derive(Clone, Copy, Debug)]
pub struct ItemIdName(pub Item);

impl Serialize for ItemIdName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.id())
    }
}

impl PartialSchema for ItemIdName {
    fn schema() -> RefOr<Schema> {
        open(&CATALOGUE.map(|spec| spec.id))
    }
}

impl ToSchema for ItemIdName {
    fn name() -> std::borrow::Cow<'static, str> {
        "ItemId".into()
    }
}

fn item(spec: &Spec) -> Schema {
    let nullable = |kind| SchemaType::from_iter([kind, Type::Null]);
    let earlier = Item::EARLIER.contains(&spec.item).then_some(Deprecated::True);
    let object = ObjectBuilder::new().description(Some(describe(spec))).deprecated(earlier);
    match spec.kind {
        Kind::Flag => Schema::Object(object.schema_type(nullable(Type::Boolean)).build()),
        Kind::Number { maximum, step, scale, .. } => {
            let minimum = spec.least();
            let value = |units: i32| f64::from(units) / f64::from(scale);
            let kind = if scale == 1 { Type::Integer } else { Type::Number };
            // `multipleOf` with a decimal step misleads validators that divide doubles, so the step is an extension field.
            let extensions = ExtensionsBuilder::new().add("x-step", value(step)).build();
            let object = object.schema_type(nullable(kind)).extensions(Some(extensions));
            let object = if scale == 1 {
                object.minimum(Some(minimum)).maximum(Some(maximum))
            } else {
                object.minimum(Some(value(minimum))).maximum(Some(value(maximum)))
            };
            Schema::Object(object.build())
        }
        Kind::Choice(_) => {
            let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
            let option = Ref::from_schema_name(options_name(spec.item));
            Schema::OneOf(OneOfBuilder::new().description(Some(describe(spec))).item(null).item(option).build())
        }
        Kind::Set { .. } => {
            let entry = Ref::from_schema_name(options_name(spec.item));
            let array = ArrayBuilder::new().schema_type(nullable(Type::Array)).items(entry);
            Schema::Array(array.unique_items(true).description(Some(describe(spec))).build())
        }
    }
}

fn describe(spec: &Spec) -> String {
    if Item::EARLIER.contains(&spec.item) {
        return "In stored submissions of earlier rule tables; refused in new answers.".to_owned();
    }
    let required = if spec.required() { "; a submission must answer it" } else { "" };
    let audience = spec.audience().as_str();
    match spec.kind {
        Kind::Number { step, scale, unit, .. } => {
            let step = f64::from(step) / f64::from(scale);
            format!("In {unit}, by {step}. Audience: {audience}{required}.")
        }
        Kind::Set { exclusive: Some(alone), .. } => {
            format!("{alone} excludes every other entry. Audience: {audience}{required}.")
        }
        _ => format!("Audience: {audience}{required}."),
    }
}
