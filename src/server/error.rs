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

/// Why the service could not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is in use or not available on this machine.
    #[error("cannot listen on {address}: {}; choose another address and port with {setting}", because(refusal))]
    Listen {
        address: SocketAddr,
        /// The setting that contains the address.
        setting: &'static str,
        refusal: io::Error,
    },
    /// `DATABASE_URL` is set without a master key.
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
    /// `migrate` does not know the role of the service.
    #[error(
        "DATABASE_URL is missing; it names the role that the service signs in as, such as \
         postgres://sarcoscreen_service@host/database; the private PostgreSQL creates its roles at each start"
    )]
    NoLogin,
    /// The owner's URL is invalid.
    #[error("SARCOSCREEN_OWNER_DATABASE_URL is not a PostgreSQL address")]
    OwnerAddress,
    /// The service's role could not sign in.
    #[error(
        "every migration is applied, but signing in as {role} (DATABASE_URL) fails: {source}; \
         SARCOSCREEN_DATABASE_PASSWORD_FILE must hold the password that `migrate` sets, and pg_hba.conf must admit it"
    )]
    SignIn { role: String, source: StoreError },
    /// The service's role has too many rights.
    #[error(
        "every migration is applied, but the role {role} (DATABASE_URL) could bypass row security or change the schema; \
         revoke its rights and memberships, or name another role, which `migrate` creates"
    )]
    Privileged { role: String },
    /// The private PostgreSQL has no replica.
    #[error("DATABASE_READ_URL needs DATABASE_URL, because it names a streaming replica of it")]
    ReplicaOfNothing,
    /// The replica's URL has another user than `DATABASE_URL`. Readiness checks only the role of `DATABASE_URL`.
    #[error("DATABASE_READ_URL must name the same user as DATABASE_URL, {0}")]
    ReadRole(String),
    /// The replica's URL is invalid.
    #[error("DATABASE_READ_URL is not a PostgreSQL address")]
    ReadAddress,
    /// The private database exists, but its master key is missing.
    #[error(
        "{} is missing, but the database beside it holds data that only this key decrypts; restore the key. If the data \
         is no longer needed, remove the whole data folder or choose another with SARCOSCREEN_DATA_DIR",
        path.display()
    )]
    LostMasterKey { path: PathBuf },
    /// Every account on this machine can read or change the key file.
    #[error("{} is accessible to every account of this machine; run `chmod o-rwx` on it", path.display())]
    OpenMasterKey { path: PathBuf },
    /// The file contains no valid key.
    #[error("{} is not a master key; `openssl rand -hex 32` creates one", path.display())]
    MasterKey { path: PathBuf, source: KeyError },
    /// Only some of the three token settings are set.
    #[error("tokens need all of SARCOSCREEN_OIDC_ISSUER, SARCOSCREEN_OIDC_AUDIENCE and SARCOSCREEN_OIDC_JWKS_URL")]
    HalfAnIssuer,
    /// `SARCOSCREEN_CDS_CLIENTS` is set without the public URL, which tokens of record systems must name.
    #[error("SARCOSCREEN_CDS_CLIENTS needs SARCOSCREEN_PUBLIC_URL")]
    SystemsWithoutAddress,
    /// The account has no home folder for the data folder.
    #[error("this account has no home folder; set SARCOSCREEN_DATA_DIR")]
    NoDataFolder,
    /// The file system returned an error.
    #[error("cannot {action} {}", path.display())]
    File {
        /// The attempted action, as a verb.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The private PostgreSQL could not be started or stopped.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The built-in rule tables are invalid.
    #[error(transparent)]
    Rules(#[from] ReleaseError),
    /// The database returned an error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot be migrated, or lacks what this program needs.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("the HTTP server failed")]
    Http(#[source] io::Error),
    /// Metrics cannot be collected.
    #[error("metrics: {0}")]
    Metrics(String),
    /// The HTTP server ended although the service was not asked to stop.
    #[error("the HTTP server ended unexpectedly: {0}")]
    Ended(String),
}

fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there, perhaps another sarcoscreen".to_owned(),
        _ => error.to_string(),
    }
}
