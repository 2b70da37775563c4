//! JSON names of the domain's enumerations.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::access::actor::Role;
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::follow_ups::worklist::FollowUpOrder;
use crate::domain::follow_ups::{ClosingOutcome, Diagnosis, EventKind, NotNeededReason, StateName};
use crate::domain::language::Language;
use crate::domain::screening::assessment::FlagKind;
use crate::domain::screening::instrument::{Outcome, PositiveWhen};
use crate::domain::screening::pathway::{PathwayId, Stage};
use crate::domain::screening::questionnaire::Audience;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::{Band, Confidence, Family, SourceKind};
use crate::domain::screening::urgency::Urgency;
use crate::domain::subjects::Channel;
use crate::domain::subjects::history::ChangeKind;
use crate::domain::submissions::Origin;
use crate::domain::webhooks::delivery::{DeliveryFailure, DeliveryState};
use crate::domain::webhooks::{DisabledReason, WebhookEvent};

/// Gives a domain enumeration its JSON form: names and schema come from the domain.
macro_rules! on_the_wire {
    ($($(#[$doc:meta])* $name:ident($domain:ty) as $schema:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $domain);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                names(&<$domain>::ALL)
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
    BandName(Band) as "Band";
    /// How soon the person should be seen, low to high.
    CareLevelName(CareLevel) as "CareLevel";
    /// How soon staff should act, most urgent first.
    UrgencyName(Urgency) as "Urgency";
    FollowUpStateName(StateName) as "FollowUpState";
    ClosingOutcomeName(ClosingOutcome) as "ClosingOutcome";
    /// Why no follow-up was needed; `merged` is set only by a merge of subjects.
    NotNeededReasonName(NotNeededReason) as "NotNeededReason";
    /// Diagnosis of sarcopenia from the clinic's examination.
    DiagnosisName(Diagnosis) as "Diagnosis";
    /// The command or event that made a version of a follow-up.
    FollowUpEventName(EventKind) as "FollowUpEventKind";
    /// The order of the worklist: most urgent then oldest, oldest, or due soonest first.
    FollowUpOrderName(FollowUpOrder) as "FollowUpOrder";
    OutcomeName(Outcome) as "Outcome";
    /// Which side of the cut-off is positive.
    PositiveWhenName(PositiveWhen) as "PositiveWhen";
    /// What was done or attempted. Values are added as the service gains functions.
    AuditActionName(AuditAction) as "AuditAction";
    AuditOutcomeName(AuditOutcome) as "AuditOutcome";
    OriginName(Origin) as "Origin";
    PathwayName(PathwayId) as "PathwayId";
    StageName(Stage) as "Stage";
    LanguageName(Language) as "Language";
    /// How a person prefers to be contacted.
    ChannelName(Channel) as "Channel";
    ChangeKindName(ChangeKind) as "SubjectChangeKind";
    FlagKindName(FlagKind) as "FlagKind";
    SourceKindName(SourceKind) as "SourceKind";
    ConfidenceName(Confidence) as "Confidence";
    FamilyName(Family) as "EvidenceFamily";
    /// What a credential may do; each role includes the permissions of the roles before it.
    RoleName(Role) as "Role";
    WebhookEventName(WebhookEvent) as "WebhookEvent";
    DisabledReasonName(DisabledReason) as "WebhookDisabledReason";
    DeliveryStateName(DeliveryState) as "WebhookDeliveryState";
    /// Why a delivery attempt got no response.
    DeliveryFailureName(DeliveryFailure) as "WebhookDeliveryFailure";
    AudienceName(Audience) as "Audience";
}

/// A string schema with the serialized names of an enumeration.
fn names<T: Serialize>(all: &[T]) -> RefOr<Schema> {
    let values = all.iter().filter_map(|value| serde_json::to_value(value).ok());
    let object = ObjectBuilder::new()
        .schema_type(schema::SchemaType::Type(Type::String))
        .description(Some(""))
        .enum_values(Some(values));
    RefOr::T(Schema::Object(object.build()))
}
