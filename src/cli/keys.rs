//! `keys`: create, list, rotate, replace and revoke.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::database::{find_clinic, on_database};
use super::output::{print, tell};
use super::progress::shown;
use crate::app::access::credentials::{self, By, Key};
use crate::app::access::tokens::public_keys;
use crate::app::error::AppError;
use crate::app::rotation::rotate as rotate_data;
use crate::config::{Keys, Settings};
use crate::domain::access::actor::Role;
use crate::domain::access::client_token::{ClientId, ClientKeys};
use crate::domain::access::credential::{Credential, CredentialDraft};
use crate::domain::ids::CredentialId;
use crate::store::database::rotation::Dependents;

const NO_ID: &str = "--id must be an id that `keys list` shows";

pub(super) async fn run(settings: &Settings, command: &Keys) -> anyhow::Result<()> {
    match command {
        Keys::Mint { clinic, role, name, expires_at, expires_in_days, origins, jwks, replaces } => {
            let role = Role::parse(role).context("there is no such role")?;
            let expires_at: Option<Timestamp> = expires_at
                .as_deref()
                .map(str::parse)
                .transpose()
                .context("--expires-at must be like 2027-01-31T00:00:00Z")?;
            let replaces = replaces.as_deref().map(Uuid::parse_str).transpose();
            let replaces = replaces.context("--replaces must be an id that `keys list` shows")?.map(CredentialId);
            let draft =
                CredentialDraft { role, display_name: name.clone(), expires_at, origins: origins.clone(), replaces };
            let keys = jwks.as_deref().map(client_keys).transpose()?;
            mint(settings, clinic, (draft, keys), *expires_in_days).await
        }
        Keys::Rotate { clinic, id, overlap_hours } => {
            let id = CredentialId(Uuid::parse_str(id).context(NO_ID)?);
            rotate(settings, clinic, id, Duration::from_hours(*overlap_hours)).await
        }
        Keys::ReplaceJwks { clinic, id, jwks } => {
            let id = CredentialId(Uuid::parse_str(id).context(NO_ID)?);
            replace_jwks(settings, clinic, id, &client_keys(jwks)?).await
        }
        Keys::List { clinic } => {
            let list = on_database(settings, async |app| {
                let found = credentials::list(app, find_clinic(app, clinic).await?.clinic_id).await?;
                Ok(found.iter().map(|one| line(one, app.ambient.now())).collect::<String>())
            });
            print(&list.await?)
        }
        Keys::RotateMaster => rotate_master(settings).await,
        Keys::Revoke { clinic, id } => {
            let id = CredentialId(Uuid::parse_str(id).context(NO_ID)?);
            let revoked = on_database(settings, async |app| {
                let clinic_id = find_clinic(app, clinic).await?.clinic_id;
                credentials::revoke(app, clinic_id, id).await.context("this clinic has no active key with this id")
            });
            revoked.await?;
            print("revoked; it stops working within five seconds\n")
        }
    }
}

/// The keys in a file, or at an address.
fn client_keys(source: &str) -> anyhow::Result<ClientKeys> {
    if source.contains("://") {
        return Ok(ClientKeys::Address(source.to_owned()));
    }
    let document = fs::read(source).with_context(|| format!("cannot read {source}"))?;
    let public = public_keys(&document).map_err(|fault| anyhow!("--jwks {fault}"))?;
    Ok(ClientKeys::Document(public))
}

async fn mint(
    settings: &Settings,
    clinic: &str,
    (draft, keys): (CredentialDraft, Option<ClientKeys>),
    days: Option<u32>,
) -> anyhow::Result<()> {
    let minted = on_database(settings, async |app| {
        let by = By::Operator(find_clinic(app, clinic).await?.clinic_id);
        let now = app.ambient.now();
        if draft.expires_at.is_some_and(|at| at <= now) {
            bail!("--expires-at is in the past");
        }
        let expires_at = match days {
            Some(days) => Some(now.checked_add(SignedDuration::from_hours(i64::from(days) * 24))?),
            None => draft.expires_at,
        };
        let draft = CredentialDraft { expires_at, ..draft };
        Ok(match keys {
            None => Minted::Key(credentials::mint_by(app, by, draft).await?),
            Some(keys) => Minted::Client(credentials::mint_client(app, by, draft, &keys).await?),
        })
    });
    match minted.await? {
        Minted::Key(minted) => show(minted),
        Minted::Client(Credential { clinic_id, credential_id, .. }) => {
            print(&format!("{}\n", ClientId { clinic_id, credential_id }))?;
            tell("This is the client id. The system gets access tokens at /oauth/token below SARCOSCREEN_PUBLIC_URL.");
            Ok(())
        }
    }
}

enum Minted {
    Key((Credential, Key)),
    Client(Credential),
}

async fn rotate(settings: &Settings, clinic: &str, id: CredentialId, overlap: Duration) -> anyhow::Result<()> {
    let rotated = on_database(settings, async |app| {
        let by = By::Operator(find_clinic(app, clinic).await?.clinic_id);
        match credentials::rotate(app, by, id, overlap).await {
            Err(AppError::NotFound) => bail!("this clinic has no credential with this id"),
            other => Ok(other?),
        }
    });
    show(rotated.await?)
}

async fn replace_jwks(settings: &Settings, clinic: &str, id: CredentialId, keys: &ClientKeys) -> anyhow::Result<()> {
    let replaced = on_database(settings, async |app| {
        let by = By::Operator(find_clinic(app, clinic).await?.clinic_id);
        match credentials::replace_client_keys(app, by, id, keys).await {
            Err(AppError::NotFound) => bail!("this clinic has no credential with this id"),
            other => Ok(other?),
        }
    });
    let Credential { clinic_id, credential_id, .. } = replaced.await?;
    print(&format!("the system {} has the new keys\n", ClientId { clinic_id, credential_id }))
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
    let left =
        on_database(settings, async |app| shown(async |shown| rotate_data(app, |now| shown.at(now)).await).await);
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

fn line(credential: &Credential, now: Timestamp) -> String {
    let Credential { credential_id, role, display_name, created_at, expires_at, revoked_at, web_form, .. } = credential;
    let sender = credential.sender_id;
    let sender = if sender.0 == credential_id.0 { String::new() } else { format!("  sender {sender}") };
    let state = match (revoked_at, expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if *at <= now => format!("expired {at}"),
        (None, Some(at)) => format!("works until {at}"),
        (None, None) => "works".to_owned(),
    };
    let keyless = if *web_form { "has no key" } else { "signs in with tokens" };
    let key = credential.key_prefix().map_or_else(|| keyless.to_owned(), |prefix| prefix + "...");
    format!("{credential_id}  {:<7}  {key}  created {created_at}  {state}  {display_name}{sender}\n", role.as_str())
}
