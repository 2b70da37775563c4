//! JSON names of the domain's enumerations.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::access::actor::{Origin, Role};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::fault::FaultCode;
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
use crate::domain::subjects::contact::ContactWarning;
use crate::domain::subjects::history::ChangeKind;
use crate::domain::webhooks::delivery::{DeliveryFailure, DeliveryState};
use crate::domain::webhooks::{DisabledReason, WebhookEvent};

/// Gives a domain enumeration its JSON form: names and schema come from the domain. The values of a closed enumeration are final;
/// an open one may get further values.
macro_rules! on_the_wire {
    ($($kind:ident { $($(#[$doc:meta])* $name:ident($domain:ty) as $schema:literal;)* })*) => {$($(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $domain);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $kind(&<$domain>::ALL)
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            }
        }
    )*)*};
}

on_the_wire! {
    closed {
        BandName(Band) as "Band";
        /// How soon the person should be seen, low to high.
        CareLevelName(CareLevel) as "CareLevel";
        /// How soon staff should act, most urgent first.
        UrgencyName(Urgency) as "Urgency";
        FollowUpStateName(StateName) as "FollowUpState";
        ClosingOutcomeName(ClosingOutcome) as "ClosingOutcome";
        /// Diagnosis of sarcopenia from the clinic's examination.
        DiagnosisName(Diagnosis) as "Diagnosis";
        /// The order of the worklist: most urgent then oldest, oldest, or due soonest first.
        FollowUpOrderName(FollowUpOrder) as "FollowUpOrder";
        OutcomeName(Outcome) as "Outcome";
        /// Which side of the cut-off is positive.
        PositiveWhenName(PositiveWhen) as "PositiveWhen";
        DeliveryStateName(DeliveryState) as "WebhookDeliveryState";
    }
    open {
        /// Why no follow-up was needed; `merged` is set only by a merge of subjects.
        NotNeededReasonName(NotNeededReason) as "NotNeededReason";
        /// The command or event that made a version of a follow-up.
        FollowUpEventName(EventKind) as "FollowUpEventKind";
        /// The kind of a fault.
        FaultCodeName(FaultCode) as "FaultCode";
        /// What was done or attempted.
        AuditActionName(AuditAction) as "AuditAction";
        AuditOutcomeName(AuditOutcome) as "AuditOutcome";
        OriginName(Origin) as "Origin";
        PathwayName(PathwayId) as "PathwayId";
        StageName(Stage) as "Stage";
        LanguageName(Language) as "Language";
        /// How a person prefers to be contacted.
        ChannelName(Channel) as "Channel";
        /// What was not kept of a submission.
        WarningCodeName(ContactWarning) as "WarningCode";
        ChangeKindName(ChangeKind) as "SubjectChangeKind";
        FlagKindName(FlagKind) as "FlagKind";
        SourceKindName(SourceKind) as "SourceKind";
        ConfidenceName(Confidence) as "Confidence";
        FamilyName(Family) as "EvidenceFamily";
        /// What a credential may do; each role includes the permissions of the roles before it.
        RoleName(Role) as "Role";
        WebhookEventName(WebhookEvent) as "WebhookEvent";
        DisabledReasonName(DisabledReason) as "WebhookDisabledReason";
        /// Why a delivery attempt got no response.
        DeliveryFailureName(DeliveryFailure) as "WebhookDeliveryFailure";
        AudienceName(Audience) as "Audience";
    }
}

/// The values of an open enumeration, which clients must expect to grow.
pub(in crate::http) const OPEN: &str = "x-extensible-enum";

fn closed<T: Serialize>(all: &[T]) -> RefOr<Schema> {
    RefOr::T(Schema::Object(string().enum_values(Some(values(all))).build()))
}

/// The schema of an open enumeration with these values.
pub(in crate::http) fn open<T: Serialize>(all: &[T]) -> RefOr<Schema> {
    let extension = Extensions::builder().add(OPEN, values(all).collect::<Value>()).build();
    RefOr::T(Schema::Object(string().extensions(Some(extension)).build()))
}

/// The serialized names of an enumeration.
fn values<T: Serialize>(all: &[T]) -> impl Iterator<Item = Value> {
    all.iter().filter_map(|value| serde_json::to_value(value).ok())
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(""))
}
