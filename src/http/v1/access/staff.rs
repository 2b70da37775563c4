//! Who calls, and who works at the clinic.

use actix_web::{HttpResponse, get, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::access::credentials;
use crate::domain::access::credential::{Credential, Member};
use crate::domain::clinics::Clinic;
use crate::http::kernel::auth::{Intake, Staff};
use crate::http::kernel::names::{LanguageName, PathwayName, RoleName};
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;

/// The caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    /// Id of the credential.
    pub id: Uuid,
    /// Role of the credential.
    pub role: RoleName,
    /// The person or system that the credential was given to.
    pub display_name: String,
    /// When the credential expires.
    pub expires_at: Option<Timestamp>,
    /// The clinic of the credential.
    pub clinic: MyClinic,
}

/// The clinic of the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyClinic {
    /// Id of the clinic.
    pub id: Uuid,
    /// Name of the clinic.
    pub name: String,
    /// The language of texts for which the caller asks for none that the clinic offers.
    pub language: LanguageName,
    /// The languages that the clinic offers.
    pub languages: Vec<LanguageName>,
    /// The pathways that the clinic evaluates.
    pub pathways: Vec<PathwayName>,
    /// Where a person books a consultation.
    pub booking_url: String,
}

/// A person who can work on follow-ups.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StaffMember)]
pub struct MemberBody {
    /// Id of the credential, to which a follow-up can be assigned.
    pub id: Uuid,
    /// The person that the credential was given to.
    pub display_name: String,
    /// Role of the credential.
    pub role: RoleName,
}

/// The people who can work on follow-ups.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StaffList {
    /// The people, by name; at most 1,000.
    pub items: Vec<MemberBody>,
}

/// Get the caller
///
/// The credential of the request and its clinic.
#[utoipa::path(
    tag = "staff",
    responses((status = 200, description = "The caller", body = Me)),
    security(("key" = ["intake"]))
)]
#[get("/v1/me")]
pub async fn get_me(caller: Intake) -> HttpResponse {
    HttpResponse::Ok().json(Me::new(caller.credential(), caller.clinic()))
}

/// List the staff
///
/// The people to whom a follow-up can be assigned: active credentials of the roles staff and admin, by name.
#[utoipa::path(
    tag = "staff",
    responses((status = 200, description = "The people", body = StaffList)),
    security(("key" = ["staff"]))
)]
#[get("/v1/staff")]
pub async fn list_staff(state: web::Data<State>, caller: Staff) -> HttpResult {
    let members = credentials::staff(&state.app, &caller.actor()).await?;
    Ok(HttpResponse::Ok().json(StaffList { items: members.into_iter().map(MemberBody::from).collect() }))
}

impl Me {
    fn new(credential: &Credential, clinic: &Clinic) -> Self {
        Self {
            id: credential.credential_id.0,
            role: RoleName(credential.role),
            display_name: credential.display_name.clone(),
            expires_at: credential.expires_at,
            clinic: MyClinic {
                id: clinic.clinic_id.0,
                name: clinic.name.clone(),
                language: LanguageName(clinic.language),
                languages: clinic.languages.iter().copied().map(LanguageName).collect(),
                pathways: clinic.pathways.iter().copied().map(PathwayName).collect(),
                booking_url: clinic.booking_url.clone(),
            },
        }
    }
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        Self { id: member.credential_id.0, display_name: member.display_name, role: RoleName(member.role) }
    }
}
