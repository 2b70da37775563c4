//! Why the service could not start or stop, worded for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::AppError;
use crate::rules::ReleaseError;
use crate::store::StoreError;
use crate::store::embedded::EmbeddedError;
use crate::store::keys::KeyError;
use crate::store::schema::SchemaError;

/// Why the service could not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {}; choose another address and port with {setting}", because(refusal))]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// The refusal.
        refusal: io::Error,
    },
    /// A database of one's own comes with a master key of one's own.
    #[error(
        "DATABASE_URL needs a master key: make one with `(umask 077; openssl rand -hex 32 > master.key)`, keep a copy \
         in a safe place, and name the file with SARCOSCREEN_MASTER_KEY_FILE"
    )]
    NoMasterKey,
    /// Only the owner of a given database applies migrations and removes entries of the audit log.
    #[error(
        "only the owner of the database may do this: name it with SARCOSCREEN_OWNER_DATABASE_URL, as \
         postgres://owner@host/database, and its password's file with SARCOSCREEN_OWNER_DATABASE_PASSWORD_FILE"
    )]
    NoOwner,
    /// Which role the service signs in as is not known.
    #[error(
        "DATABASE_URL is missing, which names the role that the service signs in as, such as \
         postgres://sarcoscreen_service@host/database; the private PostgreSQL makes its roles at each start"
    )]
    NoLogin,
    /// The owner's URL cannot be read.
    #[error("SARCOSCREEN_OWNER_DATABASE_URL is not a PostgreSQL address")]
    OwnerAddress,
    /// The service cannot migrate a database that it does not own.
    #[error(
        "SARCOSCREEN_MIGRATE is for the private PostgreSQL only; leave it out, and run `sarcoscreen migrate` with \
         SARCOSCREEN_OWNER_DATABASE_URL before the service starts"
    )]
    MigratesNothing,
    /// The service could not sign in.
    #[error(
        "every migration is applied, but signing in as {role} (DATABASE_URL) fails: {source}; \
         SARCOSCREEN_DATABASE_PASSWORD_FILE holds the password that `migrate` sets, and pg_hba.conf must let the role in"
    )]
    SignIn {
        /// The login role.
        role: String,
        /// The refusal.
        source: StoreError,
    },
    /// The login role may do more than it should.
    #[error(
        "every migration is applied, but the role {role} (DATABASE_URL) could pass by row security or change the schema; \
         take its rights and memberships away, or name another role, which `migrate` makes"
    )]
    Privileged {
        /// The login role.
        role: String,
    },
    /// The private PostgreSQL has no replica.
    #[error("DATABASE_READ_URL needs DATABASE_URL, of which it names a streaming replica")]
    ReplicaOfNothing,
    /// The replica would be asked as another role than the one that readiness judges.
    #[error("DATABASE_READ_URL must name the same user as DATABASE_URL, {0}")]
    ReadRole(String),
    /// The replica's URL cannot be read.
    #[error("DATABASE_READ_URL is not a PostgreSQL address")]
    ReadAddress,
    /// The private database is there, its key is not.
    #[error(
        "{} is missing, but the database beside it holds data that only this key opens; put the key back. If the data \
         is not needed any more, remove the whole data folder or choose another with SARCOSCREEN_DATA_DIR",
        path.display()
    )]
    LostMasterKey {
        /// Where the key was.
        path: PathBuf,
    },
    /// Everybody on the machine can read or change the key.
    #[error("{} is open to every account of this machine; close it with `chmod o-rwx`", path.display())]
    OpenMasterKey {
        /// The key file.
        path: PathBuf,
    },
    /// The file holds no key.
    #[error("{} is not a master key; `openssl rand -hex 32` makes one", path.display())]
    MasterKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Tokens need three settings, or none.
    #[error("tokens need all of SARCOSCREEN_OIDC_ISSUER, SARCOSCREEN_OIDC_AUDIENCE and SARCOSCREEN_OIDC_JWKS_URL")]
    HalfAnIssuer,
    /// The tokens of record systems name the address under which they reach this service.
    #[error("SARCOSCREEN_CDS_CLIENTS needs SARCOSCREEN_PUBLIC_URL")]
    SystemsWithoutAddress,
    /// The account has no home for its files.
    #[error("this account has no home folder; name a data folder with SARCOSCREEN_DATA_DIR")]
    NoDataFolder,
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// The private PostgreSQL could not be started or stopped.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The rule tables in this program are broken.
    #[error(transparent)]
    Rules(#[from] ReleaseError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot be brought up to this program, or lacks what this program needs.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A use case failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The HTTP server failed.
    #[error("the HTTP server failed")]
    Http(#[source] io::Error),
    /// Figures cannot be counted.
    #[error("metrics: {0}")]
    Metrics(String),
    /// The HTTP server ended though nobody asked it to.
    #[error("the HTTP server ended by itself: {0}")]
    Ended(String),
}

fn because(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "something else listens there, perhaps another sarcoscreen".to_owned(),
        _ => error.to_string(),
    }
}
