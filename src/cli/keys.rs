//! `keys`: mint, list and revoke.

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{clinics, on_database, print, tell};
use crate::app::{App, credentials};
use crate::config::{Keys, Settings};
use crate::domain::actor::Role;
use crate::domain::ids::CredentialId;
use crate::domain::stored::Credential;

pub(super) async fn run(settings: &Settings, command: &Keys) -> anyhow::Result<()> {
    match command {
        Keys::Mint { clinic, role, name, expires_at, expires_in_days } => {
            let role = Role::parse(role).context("there is no such role")?;
            let expiry = Expiry::of(expires_at.as_deref(), *expires_in_days)?;
            mint(settings, clinic, role, name, expiry).await
        }
        Keys::List { clinic } => {
            let list = on_database(settings, async |app| {
                let found = credentials::list(app, clinics::find(app, clinic).await?.clinic_id).await?;
                Ok(found.iter().map(|one| line(one, app.ambient.now())).collect::<String>())
            });
            Ok(print(&list.await?)?)
        }
        Keys::Revoke { clinic, id } => {
            let id = CredentialId(Uuid::parse_str(id).context("--id must be an id that `keys list` shows")?);
            on_database(settings, async |app| revoke(app, clinic, id).await).await?;
            Ok(print("revoked; it stops working within five seconds\n")?)
        }
    }
}

/// When a key stops working, as it was asked for.
enum Expiry {
    Never,
    At(Timestamp),
    InDays(u32),
}

impl Expiry {
    fn of(at: Option<&str>, in_days: Option<u32>) -> anyhow::Result<Self> {
        Ok(match (at, in_days) {
            (Some(at), _) => Self::At(at.parse().context("--expires-at must be like 2027-01-31T00:00:00Z")?),
            (None, Some(days)) => Self::InDays(days),
            (None, None) => Self::Never,
        })
    }

    fn from(self, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        match self {
            Self::Never => Ok(None),
            Self::At(at) if at <= now => bail!("--expires-at lies in the past"),
            Self::At(at) => Ok(Some(at)),
            Self::InDays(days) => Ok(Some(now.checked_add(SignedDuration::from_hours(i64::from(days) * 24))?)),
        }
    }
}

async fn mint(settings: &Settings, clinic: &str, role: Role, name: &str, expiry: Expiry) -> anyhow::Result<()> {
    if !(1..=200).contains(&name.trim().chars().count()) || name.chars().any(char::is_control) {
        bail!("--name must be 1 to 200 characters");
    }
    let minted = on_database(settings, async |app| {
        let clinic = clinics::find(app, clinic).await?;
        let expires_at = expiry.from(app.ambient.now())?;
        Ok(credentials::mint(app, clinic.clinic_id, role, name.trim(), expires_at).await?)
    });
    let (credential, key) = minted.await?;
    print(&format!("{}\n", *key))?;
    tell(&format!("This key is shown this once. Its id is {}.", credential.credential_id));
    Ok(())
}

async fn revoke(app: &App, clinic: &str, id: CredentialId) -> anyhow::Result<()> {
    let clinic = clinics::find(app, clinic).await?;
    credentials::revoke(app, clinic.clinic_id, id).await.context("no key of this clinic that still works has this id")
}

fn line(credential: &Credential, now: Timestamp) -> String {
    let Credential { credential_id, role, display_name, prefix, created_at, expires_at, revoked_at, .. } = credential;
    let state = match (revoked_at, expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if *at <= now => format!("expired {at}"),
        (None, Some(at)) => format!("works until {at}"),
        (None, None) => "works".to_owned(),
    };
    format!("{credential_id}  {:<7}  sk_{prefix}_...  minted {created_at}  {state}  {display_name}\n", role.as_str())
}
