//! `migrate`: as the owner of the database, applies migrations and creates the role that the service signs in as. The
//! service never signs in as the owner of the database in `DATABASE_URL`.

use zeroize::Zeroizing;

use super::database::password;
use super::{Opened, ServerError};
use crate::config::Settings;
use crate::store;
use crate::store::connect_options;
use crate::store::database::ConnectOptions;
use crate::store::database::schema::SchemaError;

/// Applies missing migrations, creates the login role, and checks that it can sign in. The private PostgreSQL does so
/// at each start. Fails when a setting is missing, the database is unavailable, a migration fails, the tables lack
/// rights, or the login role cannot sign in or has too many rights.
pub async fn migrate(settings: &Settings, say: &dyn Fn(&str)) -> Result<(), ServerError> {
    if settings.database.url.is_none() && settings.database.owner_url.is_none() {
        return Opened::open(settings, say).await?.close().await;
    }
    let (owner, service, password) = parties(settings)?;
    let role = service.get_username().to_owned();
    store::database::schema::migrate(&owner, &role, password.as_ref().map(|text| text.as_str())).await?;
    let refused = |source| ServerError::SignIn { role: role.clone(), source };
    let health = store::database::health::check_once(&service).await.map_err(refused)?;
    match health.fault() {
        Some(fault) => Err(SchemaError::State(fault).into()),
        None if health.unprivileged => Ok(()),
        None => Err(ServerError::Privileged { role }),
    }
}

/// Creates the roles of the service before a dump is restored. Needs no table. Fails when a setting is missing, the
/// database is unavailable, or the owner may not create roles.
pub async fn make_roles(settings: &Settings) -> Result<(), ServerError> {
    let (owner, service, password) = parties(settings)?;
    let password = password.as_ref().map(|text| text.as_str());
    Ok(store::database::schema::make_roles(&owner, service.get_username(), password).await?)
}

/// The connect options of the owner and of the service for `DATABASE_URL`, and the password of the service's role.
fn parties(settings: &Settings) -> Result<(ConnectOptions, ConnectOptions, Option<Zeroizing<String>>), ServerError> {
    let url = settings.database.url.as_ref().ok_or(ServerError::NoLogin)?;
    let owner = owner(settings)?;
    let password = settings.database.password_file.as_deref().map(password).transpose()?;
    let service = connect_options(url.reveal(), password.as_ref().map(|text| text.as_str()))?;
    warn_of_unverified(&service, "DATABASE_URL");
    Ok((owner, service, password))
}

pub(super) fn owner(settings: &Settings) -> Result<ConnectOptions, ServerError> {
    let url = settings.database.owner_url.as_ref().ok_or(ServerError::NoOwner)?;
    let file = settings.database.owner_password_file.as_deref().map(password).transpose()?;
    let options = connect_options(url.reveal(), file.as_ref().map(|text| text.as_str()));
    let options = options.map_err(|_| ServerError::OwnerAddress)?;
    warn_of_unverified(&options, "SARCOSCREEN_OWNER_DATABASE_URL");
    Ok(options)
}

/// Warns if the service could sign in as the owner of its database.
pub(super) fn warn_of_owner(settings: &Settings) {
    if settings.database.owner_url.is_some() {
        tracing::warn!(
            "SARCOSCREEN_OWNER_DATABASE_URL is for `migrate` and `audit prune`; do not set it for the service"
        );
    }
}

/// Warns if the connection is open to an attacker on the network who poses as the database.
pub(super) fn warn_of_unverified(options: &ConnectOptions, setting: &str) {
    if let Some(host) = store::unverified_host(options) {
        tracing::warn!(
            setting,
            host,
            "the database connection crosses a network without a verified certificate; add \
             sslmode=verify-full and sslrootcert=FILE to the URL"
        );
    }
}
