//! Errors of starting and stopping the service, worded for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::error::AppError;
use crate::rules::ReleaseError;
use crate::store::database::keys::KeyError;
use crate::store::database::schema::SchemaError;
use crate::store::error::StoreError;
use crate::store::private_postgres::EmbeddedError;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot listen on {address}: {}; choose another address and port with {setting}", because(refusal))]
    Listen {
        address: SocketAddr,
        /// The setting that contains the address.
        setting: &'static str,
        refusal: io::Error,
    },
    #[error(
        "DATABASE_URL needs a master key: create one with `(umask 077; openssl rand -hex 32 > master.key)`, keep a copy \
         in a safe place, and set SARCOSCREEN_MASTER_KEY_FILE to its path"
    )]
    NoMasterKey,
    /// Only the owner of the database in `DATABASE_URL` may apply migrations and prune the audit log.
    #[error(
        "only the owner of the database may do this: set SARCOSCREEN_OWNER_DATABASE_URL, such as \
         postgres://owner@host/database, and SARCOSCREEN_OWNER_DATABASE_PASSWORD_FILE"
    )]
    NoOwner,
    #[error(
        "DATABASE_URL is missing; it names the role that the service signs in as, such as \
         postgres://sarcoscreen_service@host/database; the private PostgreSQL creates its roles at each start"
    )]
    NoLogin,
    #[error("SARCOSCREEN_OWNER_DATABASE_URL is not a PostgreSQL address")]
    OwnerAddress,
    #[error(
        "every migration is applied, but signing in as {role} (DATABASE_URL) fails: {source}; \
         SARCOSCREEN_DATABASE_PASSWORD_FILE must hold the password that `migrate` sets, and pg_hba.conf must admit it"
    )]
    SignIn { role: String, source: StoreError },
    #[error(
        "every migration is applied, but the role {role} (DATABASE_URL) could bypass row security or change the schema; \
         revoke its rights and memberships, or name another role, which `migrate` creates"
    )]
    Privileged { role: String },
    #[error("DATABASE_READ_URL needs DATABASE_URL, because it names a streaming replica of it")]
    ReplicaOfNothing,
    /// The replica's URL has a different user than `DATABASE_URL`. Readiness checks only the role of `DATABASE_URL`.
    #[error("DATABASE_READ_URL must name the same user as DATABASE_URL, {0}")]
    ReadRole(String),
    #[error("DATABASE_READ_URL is not a PostgreSQL address")]
    ReadAddress,
    #[error(
        "{} is missing, but the database beside it holds data that only this key decrypts; restore the key. If the data \
         is no longer needed, remove the whole data folder or choose another with SARCOSCREEN_DATA_DIR",
        path.display()
    )]
    LostMasterKey { path: PathBuf },
    #[error("{} is accessible to every account of this machine; run `chmod o-rwx` on it", path.display())]
    OpenMasterKey { path: PathBuf },
    #[error("{} is not a master key; `openssl rand -hex 32` creates one", path.display())]
    MasterKey { path: PathBuf, source: KeyError },
    #[error("tokens need all of SARCOSCREEN_OIDC_ISSUER, SARCOSCREEN_OIDC_AUDIENCE and SARCOSCREEN_OIDC_JWKS_URL")]
    HalfAnIssuer,
    #[error(
        "sign-in to the web pages at the issuer needs all of SARCOSCREEN_OIDC_CLIENT_ID, SARCOSCREEN_OIDC_ISSUER and \
         SARCOSCREEN_PUBLIC_URL"
    )]
    ClientWithoutIssuer,
    #[error("SARCOSCREEN_CDS_CLIENTS needs SARCOSCREEN_PUBLIC_URL")]
    SystemsWithoutAddress,
    #[error("this account has no home folder; set SARCOSCREEN_DATA_DIR")]
    NoDataFolder,
    #[error("cannot {action} {}", path.display())]
    File {
        /// The attempted action, as a verb.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Rules(#[from] ReleaseError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot be migrated, or lacks what this program needs.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("the HTTP server failed")]
    Http(#[source] io::Error),
    #[error("metrics: {0}")]
    Metrics(String),
    #[error("the HTTP server ended unexpectedly: {0}")]
    Ended(String),
}

fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there, perhaps another sarcoscreen".to_owned(),
        _ => error.to_string(),
    }
}
