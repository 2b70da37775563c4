//! The demo clinic: four keys, an open web form, a synthetic cohort whose submissions spread over the last sixty days, and the
//! work of staff on the follow-ups. Everything is done by the use cases of real requests, with a clock in the past.

mod clock;
mod cohort;
mod dice;
mod execution;
mod form;
mod people;
mod plan;
mod stories;

use std::time::Duration;

pub use cohort::cohort;
pub use form::offer_web_form;
pub use plan::SUBMISSIONS;

use super::access::credentials::{self, By, Key};
use super::clinics::{self, NewClinic};
use super::screening::rule_tables;
use super::{App, Result, access::actor};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::clinics::{Clinic, EmergencyNumber, Profile};
use crate::domain::screening::pathway::PathwayId;
use crate::domain::{ids::ClinicId, language::Language};
use execution::{Actors, Execution};
use plan::{DAY, plan};

pub const CLINIC_NAME: &str = "Equilibrium Hormone Clinic (demo)";

/// When the clinic was created, before its first submission, minutes before the start.
const OPENED: i64 = 61 * DAY;

/// The demo clinic's keys, one for each role.
pub struct DemoKeys {
    pub clinic_id: ClinicId,
    pub browser: Key,
    pub intake: Key,
    pub staff: Key,
    pub admin: Key,
}

pub async fn find(app: &App) -> Result<Option<Clinic>> {
    Ok(clinics::list(app).await?.into_iter().find(|clinic| clinic.name == CLINIC_NAME))
}

/// Creates the missing parts of the demo clinic: the clinic, its credentials, its web form, the submissions and the work on the
/// follow-ups. The credentials get new keys, and those of an earlier call stop. A call after an interrupted one completes the work.
pub async fn complete(app: &App) -> Result<DemoKeys> {
    let start = app.ambient.now();
    let opened = |minute: i64| clock::at(app, clock::before(start, OPENED - minute));
    let clinic =
        if let Some(clinic) = find(app).await? { clinic } else { clinics::create(&opened(0), new_clinic()).await? };
    let clinic_id = clinic.clinic_id;
    let (browser, page) = credential(app, &opened(1), clinic_id, Role::Browser).await?;
    let (intake, system) = credential(app, &opened(2), clinic_id, Role::Intake).await?;
    let (staff, nurse) = credential(app, &opened(3), clinic_id, Role::Staff).await?;
    let (admin, lead) = credential(app, &opened(4), clinic_id, Role::Admin).await?;
    offer_web_form(&opened(5), &clinic).await?;
    let actors = Actors { browser: page, intake: system, staff: nurse, admin: lead };
    let people = plan(rule_tables::current(app), &clinic.pathways);
    Execution { app, clinic: &clinic, actors: &actors, start }.execute(&people).await?;
    Ok(DemoKeys { clinic_id, browser, intake, staff, admin })
}

fn new_clinic() -> NewClinic {
    let number = EmergencyNumber { label: None, number: "112".to_owned() };
    let time_zone = Some("Europe/Madrid".to_owned());
    let profile = Profile { time_zone, emergency_numbers: vec![number], ..Profile::default() };
    NewClinic {
        name: CLINIC_NAME.to_owned(),
        slug: Some(form::SLUG.to_owned()),
        booking_url: "https://example.org/book".to_owned(),
        profile: form::with_texts(profile),
        language: Language::En,
        pathways: vec![PathwayId::Ewgsop2],
    }
}

/// A credential with a new key: that of an earlier call, or one that is minted in the past. The same credential keeps the
/// follow-ups that it is working on.
async fn credential(app: &App, opened: &App, clinic_id: ClinicId, role: Role) -> Result<(Key, Actor)> {
    let name = display_name(role);
    let earlier = credentials::list(app, clinic_id).await?;
    let earlier = earlier.into_iter().find(|one| one.revoked_at.is_none() && one.display_name == name);
    let (credential, key) = match earlier {
        Some(earlier) => {
            credentials::rotate(app, By::Operator(clinic_id), earlier.credential_id, Duration::ZERO).await?
        }
        None => credentials::mint(opened, clinic_id, role, &name, None).await?,
    };
    Ok((key, actor(&credential, None)))
}

fn display_name(role: Role) -> String {
    format!("Demo {}", role.as_str())
}
