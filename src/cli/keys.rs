//! `keys`: create, list, rotate and revoke.

use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::clinic_argument;
use super::database::on_database;
use super::output::{print, tell};
use super::progress::Shown;
use crate::app::App;
use crate::app::access::credentials;
use crate::app::access::credentials::{By, Key};
use crate::app::error::AppError;
use crate::app::rotation::rotate as rotate_data;
use crate::config::{Keys, Settings};
use crate::domain::access::actor::Role;
use crate::domain::access::credential::Credential;
use crate::domain::access::credential::CredentialDraft;
use crate::domain::ids::CredentialId;
use crate::store::database::rotation::Dependents;

const NO_ID: &str = "--id must be an id that `keys list` shows";

pub(super) async fn run(settings: &Settings, command: &Keys) -> anyhow::Result<()> {
    match command {
        Keys::Mint { clinic, role, name, expires_at, expires_in_days, origins, replaces } => {
            let role = Role::parse(role).context("there is no such role")?;
            let expiry = Expiry::from_options(expires_at.as_deref(), *expires_in_days)?;
            let replaces = replaces.as_deref().map(Uuid::parse_str).transpose();
            let replaces = replaces.context("--replaces must be an id that `keys list` shows")?.map(CredentialId);
            let (display_name, origins) = (name.clone(), origins.clone());
            let draft = CredentialDraft { role, display_name, expires_at: None, origins, replaces };
            mint(settings, clinic, draft, expiry).await
        }
        Keys::Rotate { clinic, id, overlap_hours } => {
            let id = CredentialId(Uuid::parse_str(id).context(NO_ID)?);
            rotate(settings, clinic, id, Duration::from_hours(*overlap_hours)).await
        }
        Keys::List { clinic } => {
            let list = on_database(settings, async |app| {
                let found = credentials::list(app, clinic_argument::find(app, clinic).await?.clinic_id).await?;
                Ok(found.iter().map(|one| line(one, app.ambient.now())).collect::<String>())
            });
            Ok(print(&list.await?)?)
        }
        Keys::RotateMaster => rotate_master(settings).await,
        Keys::Revoke { clinic, id } => {
            let id = CredentialId(Uuid::parse_str(id).context(NO_ID)?);
            on_database(settings, async |app| revoke(app, clinic, id).await).await?;
            Ok(print("revoked; it stops working within five seconds\n")?)
        }
    }
}

/// When a key expires, as the options state it.
enum Expiry {
    Never,
    At(Timestamp),
    InDays(u32),
}

impl Expiry {
    fn from_options(at: Option<&str>, in_days: Option<u32>) -> anyhow::Result<Self> {
        Ok(match (at, in_days) {
            (Some(at), _) => Self::At(at.parse().context("--expires-at must be like 2027-01-31T00:00:00Z")?),
            (None, Some(days)) => Self::InDays(days),
            (None, None) => Self::Never,
        })
    }

    fn from(self, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        match self {
            Self::Never => Ok(None),
            Self::At(at) if at <= now => bail!("--expires-at is in the past"),
            Self::At(at) => Ok(Some(at)),
            Self::InDays(days) => Ok(Some(now.checked_add(SignedDuration::from_hours(i64::from(days) * 24))?)),
        }
    }
}

async fn mint(settings: &Settings, clinic: &str, draft: CredentialDraft, expiry: Expiry) -> anyhow::Result<()> {
    let minted = on_database(settings, async |app| {
        let clinic = clinic_argument::find(app, clinic).await?;
        let expires_at = expiry.from(app.ambient.now())?;
        Ok(credentials::mint_by(app, By::Operator(clinic.clinic_id), CredentialDraft { expires_at, ..draft }).await?)
    });
    show(minted.await?)
}

async fn rotate(settings: &Settings, clinic: &str, id: CredentialId, overlap: Duration) -> anyhow::Result<()> {
    let rotated = on_database(settings, async |app| {
        let clinic = clinic_argument::find(app, clinic).await?;
        let rotated = credentials::rotate(app, By::Operator(clinic.clinic_id), id, overlap).await;
        match rotated {
            Err(AppError::NotFound) => bail!("this clinic has no credential with this id"),
            other => Ok(other?),
        }
    });
    show(rotated.await?)
}

fn show((credential, key): (Credential, Key)) -> anyhow::Result<()> {
    print(&format!("{}\n", *key))?;
    tell(&format!("This key is shown only once. Its id is {}.", credential.credential_id));
    if let Some(until) = credential.previous_key_until {
        tell(&format!("The previous key works until {until}."));
    }
    Ok(())
}

async fn rotate_master(settings: &Settings) -> anyhow::Result<()> {
    let left = on_database(settings, async |app| {
        let mut shown = Shown::begin();
        let left = rotate_data(app, |now| shown.at(now)).await?;
        shown.end();
        Ok(left)
    });
    let Dependents { rows, credentials, waiting, audit_seals } = left.await?;
    if rows > 0 {
        bail!("{rows} rows are still encrypted with an earlier key, because they were in use; run this again");
    }
    if waiting > 0 {
        bail!("{waiting} unsealed audit entries depend on an earlier key; run this again");
    }
    print("all data is encrypted with the first key of the file\n")?;
    if credentials > 0 {
        print(&format!(
            "{credentials} keys of clinics still depend on an earlier one: each is rehashed at its next use; keep the \
             earlier key until this command reports none, or revoke those that are no longer used\n"
        ))?;
    } else {
        print("no key of a clinic depends on an earlier one: it may be removed from the file of the service\n")?;
    }
    if audit_seals > 0 {
        print(&format!(
            "{audit_seals} seals of the audit log depend on an earlier key: keep a copy of it, because `audit verify` \
             needs it in its file\n"
        ))?;
    }
    Ok(())
}

async fn revoke(app: &App, clinic: &str, id: CredentialId) -> anyhow::Result<()> {
    let clinic = clinic_argument::find(app, clinic).await?;
    credentials::revoke(app, clinic.clinic_id, id).await.context("this clinic has no active key with this id")
}

fn line(credential: &Credential, now: Timestamp) -> String {
    let Credential { credential_id, role, display_name, prefix, created_at, expires_at, revoked_at, .. } = credential;
    let sender = credential.sender_id;
    let sender = if sender.0 == credential_id.0 { String::new() } else { format!("  sender {sender}") };
    let state = match (revoked_at, expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if *at <= now => format!("expired {at}"),
        (None, Some(at)) => format!("works until {at}"),
        (None, None) => "works".to_owned(),
    };
    let key = prefix.as_ref().map_or_else(|| "signs in with tokens".to_owned(), |prefix| format!("sk_{prefix}_..."));
    format!("{credential_id}  {:<7}  {key}  created {created_at}  {state}  {display_name}{sender}\n", role.as_str())
}
