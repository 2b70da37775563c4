//! The demo clinic: four keys and a synthetic cohort, submitted as an intake system would.

mod cohort;
mod dice;
mod people;

use std::future::ready;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

pub use cohort::{SIZE, cohort};

use super::access::credentials::{self, Key};
use super::clinics::{self, NewClinic};
use super::screening::rule_tables;
use super::{App, AppError, Result, access::actor, subjects, submissions::intake};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::clinics::{Clinic, EmergencyNumber, Profile};
use crate::domain::screening::answers::Answers;
use crate::domain::screening::pathway::PathwayId;
use crate::domain::subjects::{LookUp, Search};
use crate::domain::{ids::ClinicId, language::Language, submissions::Draft};

pub const CLINIC_NAME: &str = "Equilibrium Hormone Clinic (demo)";

const AT_ONCE: usize = 8;
/// How often a submission is tried when a slow machine does not store it in time, and the pause between tries.
const TRIES: usize = 30;
const AGAIN: Duration = Duration::from_millis(500);

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

/// Creates the missing parts of the demo clinic: the clinic, submissions of the cohort, and new keys, which revoke those
/// of an earlier call. A call after an interrupted one completes the work.
pub async fn complete(app: &App) -> Result<DemoKeys> {
    let clinic = if let Some(clinic) = find(app).await? {
        clinic
    } else {
        let number = EmergencyNumber { label: None, number: "112".to_owned() };
        let new = NewClinic {
            name: CLINIC_NAME.to_owned(),
            slug: Some("demo".to_owned()),
            booking_url: "https://example.org/book".to_owned(),
            profile: Profile { emergency_numbers: vec![number], ..Profile::default() },
            language: Language::En,
            pathways: vec![PathwayId::Ewgsop2],
        };
        clinics::create(app, new).await?
    };
    let clinic_id = clinic.clinic_id;
    for earlier in credentials::list(app, clinic_id).await? {
        if earlier.revoked_at.is_none() && earlier.display_name == display_name(earlier.role) {
            credentials::revoke(app, clinic_id, earlier.credential_id).await?;
        }
    }
    let (browser, _) = mint(app, clinic_id, Role::Browser).await?;
    let (intake, system) = mint(app, clinic_id, Role::Intake).await?;
    let (staff, _) = mint(app, clinic_id, Role::Staff).await?;
    let (admin, _) = mint(app, clinic_id, Role::Admin).await?;
    submit_cohort(app, &system, &clinic).await?;
    Ok(DemoKeys { clinic_id, browser, intake, staff, admin })
}

async fn mint(app: &App, clinic_id: ClinicId, role: Role) -> Result<(Key, Actor)> {
    let (credential, key) = credentials::mint(app, clinic_id, role, &display_name(role), None).await?;
    Ok((key, actor(&credential, None)))
}

fn display_name(role: Role) -> String {
    format!("Demo {}", role.as_str())
}

async fn submit_cohort(app: &App, actor: &Actor, clinic: &Clinic) -> Result<()> {
    let people = cohort(&rule_tables::current(app).asked);
    let submitted = people.into_iter().enumerate().map(|person| submit_patiently(app, actor, clinic, person));
    stream::iter(submitted).buffer_unordered(AT_ONCE).try_for_each(|()| ready(Ok(()))).await
}

async fn submit_patiently(app: &App, actor: &Actor, clinic: &Clinic, person: (usize, Answers)) -> Result<()> {
    for _ in 1..TRIES {
        match submit_missing(app, actor, clinic, person.clone()).await {
            // The database sends no event when it is less busy, so the submission is repeated.
            Err(AppError::Unavailable(_)) => tokio::time::sleep(AGAIN).await,
            done => return done,
        }
    }
    submit_missing(app, actor, clinic, person).await
}

async fn submit_missing(app: &App, actor: &Actor, clinic: &Clinic, (place, answers): (usize, Answers)) -> Result<()> {
    let known = Search::Field(LookUp::Reference, people::reference(place));
    if !subjects::search(app, actor, &known).await?.is_empty() {
        return Ok(());
    }
    let draft = Draft {
        answers,
        subject: people::subject(place, app.ambient.now()),
        answered_at: None,
        source: None,
        pathway: None,
        supersedes: None,
        imported: false,
        language: Language::En,
        idempotency: None,
    };
    intake::submit(app, actor, clinic, draft, Vec::new()).await?;
    Ok(())
}
