//! Wire types: what JSON looks like, and nothing else. They live in `http` and never go below it.

pub mod answers;
pub mod assessment;
pub mod audit;
pub mod batch;
pub mod conformance;
pub mod credential;
pub mod csv;
pub mod exports;
pub mod follow_up;
pub mod follow_up_command;
pub mod fragments;
pub mod history;
pub mod instrument_rule;
pub mod lists;
pub mod object;
pub mod questionnaire;
pub mod render;
mod results;
pub mod rule_table;
pub mod statistics;
pub mod subject;
pub mod subject_history;
pub mod submission;
pub mod webhook;
pub mod whole;
pub mod wording;
pub mod worklist;

pub use assessment::{AssessmentBody, RedFlagBody, SourceBody};
pub use fragments::Fragments;
pub use render::Rendering;
pub use wording::Wording;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::actor::Role;
use crate::domain::assessment::FlagKind;
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::follow_up::{ClosingOutcome, Diagnosis, EventKind, FollowUpState, NotNeededReason, Urgency};
use crate::domain::instrument::{Outcome, PositiveWhen};
use crate::domain::language::Language;
use crate::domain::pathway::Stage;
use crate::domain::questionnaire::Audience;
use crate::domain::red_flag::CareLevel;
use crate::domain::rule_table::{Band, Confidence, SourceKind};
use crate::domain::stored::FollowUpOrder;
use crate::domain::subject::Channel;
use crate::domain::subject_history::ChangeKind;
use crate::domain::submission::{Origin, PathwayId};
use crate::domain::webhook::{DisabledReason, WebhookEvent};
use crate::domain::webhook_delivery::{DeliveryFailure, DeliveryState};

/// Puts a domain enumeration on the wire: its names and its schema are the domain's own.
macro_rules! on_the_wire {
    ($($(#[$doc:meta])* $name:ident($domain:ty) as $schema:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $domain);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                names(&<$domain>::ALL, "")
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            }
        }
    )*};
}

on_the_wire! {
    /// The band of the own total.
    BandName(Band) as "Band";
    /// How soon somebody should be seen, low to high.
    CareLevelName(CareLevel) as "CareLevel";
    /// How soon staff should act, most urgent first.
    UrgencyName(Urgency) as "Urgency";
    /// Where a follow-up stands.
    FollowUpStateName(FollowUpState) as "FollowUpState";
    /// How a follow-up ended.
    ClosingOutcomeName(ClosingOutcome) as "ClosingOutcome";
    /// Why there was nothing to follow up; `merged` is written by a merge of persons only.
    NotNeededReasonName(NotNeededReason) as "NotNeededReason";
    /// What the clinic's examination says of sarcopenia.
    DiagnosisName(Diagnosis) as "Diagnosis";
    /// What made a version of a follow-up.
    FollowUpEventName(EventKind) as "FollowUpEventKind";
    /// The order of the worklist: most urgent then oldest, oldest, or due soonest first.
    FollowUpOrderName(FollowUpOrder) as "FollowUpOrder";
    /// What an instrument says.
    OutcomeName(Outcome) as "Outcome";
    /// Which side of the cut-off is positive.
    PositiveWhenName(PositiveWhen) as "PositiveWhen";
    /// What was done, or tried. The list grows with what the service can do.
    AuditActionName(AuditAction) as "AuditAction";
    /// What became of it.
    AuditOutcomeName(AuditOutcome) as "AuditOutcome";
    /// Where a submission came from.
    OriginName(Origin) as "Origin";
    /// A consensus pathway.
    PathwayName(PathwayId) as "PathwayId";
    /// How far a pathway was reached.
    StageName(Stage) as "Stage";
    /// A language with wording.
    LanguageName(Language) as "Language";
    /// How a person wishes to be contacted.
    ChannelName(Channel) as "Channel";
    /// What was changed of a person.
    ChangeKindName(ChangeKind) as "SubjectChangeKind";
    /// What flagged a submission.
    FlagKindName(FlagKind) as "FlagKind";
    /// What kind of source a figure has.
    SourceKindName(SourceKind) as "SourceKind";
    /// How sure a figure is.
    ConfidenceName(Confidence) as "Confidence";
    /// What a credential may do; each role may do what the ones before it may.
    RoleName(Role) as "Role";
    /// What a webhook can be told of.
    WebhookEventName(WebhookEvent) as "WebhookEvent";
    /// Why nothing is sent to a webhook.
    DisabledReasonName(DisabledReason) as "WebhookDisabledReason";
    /// Where a delivery stands.
    DeliveryStateName(DeliveryState) as "WebhookDeliveryState";
    /// Why no answer came.
    DeliveryFailureName(DeliveryFailure) as "WebhookDeliveryFailure";
    /// Who can answer an item.
    AudienceName(Audience) as "Audience";
}

/// A string schema of the names that an enumeration serializes to.
fn names<T: Serialize>(all: &[T], description: &str) -> RefOr<Schema> {
    let values = all.iter().filter_map(|value| serde_json::to_value(value).ok());
    let object = ObjectBuilder::new()
        .schema_type(schema::SchemaType::Type(Type::String))
        .description(Some(description.trim()))
        .enum_values(Some(values));
    RefOr::T(Schema::Object(object.build()))
}
