//! The events of webhooks in the OpenAPI document: for each its schema, its headers and an example of its body.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    Components, ContentBuilder, OpenApi, Paths, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder,
};

use crate::domain::follow_ups::StateName;
use crate::domain::screening::urgency::Urgency;
use crate::domain::webhooks::{DisabledReason, WebhookEvent};

/// A field of the data of an event.
#[derive(Clone, Copy)]
enum Field {
    Id,
    /// Null if the event is about a test.
    IdOfNoTest,
    /// Absent if the submission corrects none.
    Corrected,
    Ids,
    /// A state of a follow-up, with the one of the example.
    State(StateName),
    /// Null if the event is about a test.
    StateOfNoTest(StateName),
    Urgency,
    Version,
    Reason,
    /// With the value of the example.
    Flag(bool),
}

/// Adds the section `webhooks` and the schemas of the events.
pub(in crate::http) fn describe(api: &mut OpenApi) {
    let components = api.components.get_or_insert_with(Components::new);
    for event in WebhookEvent::ALL {
        components.schemas.insert(schema_name(event).to_owned(), RefOr::T(schema(event)));
    }
    let add = |paths: PathsBuilder, event: WebhookEvent| paths.path(event.as_str(), item(event));
    let webhooks: Paths = WebhookEvent::ALL.into_iter().fold(PathsBuilder::new(), add).build();
    api.webhooks = Some(webhooks);
}

/// Name of the schema, name of the operation, and when the event is sent.
const fn texts(event: WebhookEvent) -> (&'static str, &'static str, &'static str) {
    match event {
        WebhookEvent::SubmissionFlagged => (
            "SubmissionFlaggedEvent",
            "receive_submission_flagged",
            "A submission was flagged: it opened a follow-up or joined the open one of its subject",
        ),
        WebhookEvent::SubmissionCorrected => (
            "SubmissionCorrectedEvent",
            "receive_submission_corrected",
            "A submission of an open follow-up was corrected",
        ),
        WebhookEvent::SubmissionErased => {
            ("SubmissionErasedEvent", "receive_submission_erased", "A single submission was erased")
        }
        WebhookEvent::FollowUpStateChanged => (
            "FollowUpStateChangedEvent",
            "receive_follow_up_state_changed",
            "A command, a merge of subjects or its undoing changed the state of a follow-up",
        ),
        WebhookEvent::SubjectErased => (
            "SubjectErasedEvent",
            "receive_subject_erased",
            "A subject was erased, with every subject that was merged into it",
        ),
        WebhookEvent::WebhookDisabled => (
            "WebhookDisabledEvent",
            "receive_webhook_disabled",
            "The service disabled another webhook of the clinic: its receiver returned 410 or failed for five days",
        ),
        WebhookEvent::Ping => ("PingEvent", "receive_ping", "An admin requested a test event"),
    }
}

const fn schema_name(event: WebhookEvent) -> &'static str {
    texts(event).0
}

const fn fields(event: WebhookEvent) -> &'static [(&'static str, Field)] {
    match event {
        WebhookEvent::SubmissionFlagged => &[
            ("submission_id", Field::Id),
            ("subject_id", Field::Id),
            ("follow_up_id", Field::IdOfNoTest),
            ("state", Field::StateOfNoTest(StateName::Open)),
            ("urgency", Field::Urgency),
            ("test", Field::Flag(false)),
            ("supersedes", Field::Corrected),
        ],
        WebhookEvent::SubmissionCorrected => &[
            ("submission_id", Field::Id),
            ("supersedes", Field::Id),
            ("subject_id", Field::Id),
            ("follow_up_id", Field::Id),
            ("state", Field::State(StateName::Assigned)),
            ("urgency", Field::Urgency),
            ("flagged", Field::Flag(true)),
        ],
        WebhookEvent::SubmissionErased => &[("submission_id", Field::Id), ("subject_id", Field::Id)],
        WebhookEvent::FollowUpStateChanged => &[
            ("follow_up_id", Field::Id),
            ("subject_id", Field::Id),
            ("state", Field::State(StateName::Assigned)),
            ("urgency", Field::Urgency),
            ("version", Field::Version),
        ],
        WebhookEvent::SubjectErased => &[("subject_ids", Field::Ids)],
        WebhookEvent::WebhookDisabled => &[("webhook_id", Field::Id), ("reason", Field::Reason)],
        WebhookEvent::Ping => &[("webhook_id", Field::Id)],
    }
}

fn item(event: WebhookEvent) -> PathItem {
    let (name, operation, when) = texts(event);
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).example(Some(example(event)));
    let body = RequestBodyBuilder::new()
        .description(Some("The event; the bytes are the same in every attempt"))
        .content("application/json", content.build())
        .required(Some(Required::True))
        .build();
    let received = ResponseBuilder::new()
        .description("Received. A status other than 2xx is tried again, except 410, which disables the webhook");
    let operation = OperationBuilder::new()
        .tag("admin")
        .operation_id(Some(operation))
        .summary(Some(event.as_str()))
        .description(Some(when))
        .parameters(Some(headers()))
        .request_body(Some(body))
        .responses(ResponsesBuilder::new().response("204", received).build())
        .security(SecurityRequirement::default());
    PathItem::new(HttpMethod::Post, operation.build())
}

fn headers() -> [Parameter; 3] {
    let headers = [
        ("webhook-id", "Id of the event, the same in every attempt"),
        ("webhook-timestamp", "Time of this attempt, in seconds since 1970"),
        ("webhook-signature", "Signatures by the Standard Webhooks specification, separated by a space"),
    ];
    headers.map(|(name, text)| {
        let schema = Schema::Object(string().build());
        let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::True);
        header.description(Some(text)).schema(Some(schema)).build()
    })
}

fn schema(event: WebhookEvent) -> Schema {
    let data = fields(event).iter().fold(ObjectBuilder::new(), |data, (name, field)| {
        let data = data.property(*name, field.schema());
        if field.is_required() { data.required(*name) } else { data }
    });
    let kind = string().enum_values(Some([event.as_str()]));
    let at = string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let object = ObjectBuilder::new()
        .description(Some(texts(event).2))
        .property("type", kind.build())
        .property("timestamp", at.description(Some("When it happened")).build())
        .property("data", data.build());
    Schema::Object(object.required("type").required("timestamp").required("data").build())
}

fn example(event: WebhookEvent) -> Value {
    let values = fields(event).iter().filter(|(_, field)| field.is_required()).enumerate();
    let data: Map<String, Value> =
        values.map(|(place, (name, field))| ((*name).to_owned(), field.example(place))).collect();
    json!({"type": event.as_str(), "timestamp": "2026-03-02T09:00:00Z", "data": data})
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn id() -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

impl Field {
    const fn is_required(self) -> bool {
        !matches!(self, Self::Corrected)
    }

    fn schema(self) -> RefOr<Schema> {
        match self {
            Self::Id | Self::Corrected => id().into(),
            Self::IdOfNoTest => id().schema_type(SchemaType::from_iter([Type::String, Type::Null])).into(),
            Self::Ids => ArrayBuilder::new().items(id()).into(),
            Self::State(_) => Ref::from_schema_name("FollowUpState").into(),
            Self::StateOfNoTest(_) => {
                let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
                let state = Ref::from_schema_name("FollowUpState");
                RefOr::T(Schema::OneOf(OneOfBuilder::new().item(null).item(state).build()))
            }
            Self::Urgency => Ref::from_schema_name("Urgency").into(),
            Self::Version => ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).minimum(Some(1)).into(),
            Self::Reason => Ref::from_schema_name("WebhookDisabledReason").into(),
            Self::Flag(_) => ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)).into(),
        }
    }

    /// The value in an example; `place` makes the ids of one event different.
    fn example(self, place: usize) -> Value {
        let id = format!("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f60{place:02}");
        match self {
            Self::Id | Self::IdOfNoTest | Self::Corrected => id.into(),
            Self::Ids => json!([id]),
            Self::State(state) | Self::StateOfNoTest(state) => state.as_str().into(),
            Self::Urgency => Urgency::ThisWeek.as_str().into(),
            Self::Version => 2.into(),
            Self::Reason => DisabledReason::Gone.as_str().into(),
            Self::Flag(value) => value.into(),
        }
    }
}
