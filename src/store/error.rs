//! Errors of the store.

use super::database::{constraint::Meaning, keys::KeyError};
use crate::domain::causes::with_causes;
use crate::domain::submissions::correction::CorrectionRefusal;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A named constraint was violated, with a meaning for the caller.
    #[error("the database refused the row: {0:?}")]
    Conflict(Meaning),
    /// The submission may not correct the one that it names.
    #[error("the submission to be corrected is refused: {0:?}")]
    Correction(CorrectionRefusal),
    #[error("the row does not exist")]
    Missing,
    #[error("the row changed since it was read")]
    Stale,
    /// The state of the row does not allow the change. The text is one sentence.
    #[error("{0}")]
    Refused(&'static str),
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The cursor was not issued by this service for this list.
    #[error("the cursor is not from this list")]
    Cursor,
    #[error("the cursor has expired")]
    CursorExpired,
    /// The database is unreachable or does not respond in time. The text states every cause, because many callers may share it.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// An internal error of PostgreSQL (XX000), which is also how Citus reports a worker that does not respond.
    #[error("the database is unavailable: {0}")]
    Internal(String),
    #[error("a row of {table} is inconsistent: {what}")]
    Inconsistent {
        table: &'static str,
        /// The violated invariant. Never contains the row's data.
        what: &'static str,
    },
    #[error(transparent)]
    Key(KeyError),
    /// The database holds a different text of a rule table than this binary.
    #[error("rule table {version} in the database differs from the one in this binary")]
    RuleTableDiffers { version: String },
    #[error("this database was written with another master key; set the right one with SARCOSCREEN_MASTER_KEY_FILE")]
    OtherMasterKey,
    /// The role in the database URL could bypass the row security that separates clinics.
    #[error(
        "the role {0} is the owner of the database, a superuser, or may otherwise bypass row security; set a role of its own \
         in DATABASE_URL, such as sarcoscreen_service, which is then created"
    )]
    PrivilegedLogin(String),
    /// The owner may not create the login role of the service, or may not grant it the working roles.
    #[error(
        "the owner may not create the role {0} or may not grant it the working roles: {1}; have an administrator of the database \
         create it, `login noinherit in role sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs`"
    )]
    LoginNotMade(String, String),
    #[error("DATABASE_URL is not a PostgreSQL URL")]
    Address,
    #[error("a migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Any other error of the driver. The text has the message only: the details of a database error quote the row.
    #[error("database: {0}")]
    Driver(String),
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        match error {
            // The versions are read once the database can be reached.
            KeyError::Unversioned => Self::Unavailable(error.to_string()),
            KeyError::Format | KeyError::Library | KeyError::Sealed(_) => Self::Key(error),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // The connection broke, or the peer is not PostgreSQL: for example a proxy without a server behind it.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(with_causes(&error))
            }
            sqlx::Error::Database(database) => {
                if let Some(meaning) = database.constraint().and_then(Meaning::from_constraint) {
                    return Self::Conflict(meaning);
                }
                let code = database.code().unwrap_or_default();
                // 08 connection, 28 sign-in, 3D000 no such database, 53 resources, 57P shutdown, 58 the server's disk,
                // 55P03 lock timeout, 57014 statement timeout, 25006 read only, 25P03 idle in transaction, 40 rollback:
                // all of them may succeed on a retry.
                let passing = ["08", "28", "3D", "53", "57", "58", "40", "55P03", "25006", "25P03"];
                let text = format!("{} ({code})", database.message());
                if passing.iter().any(|class| code.starts_with(class)) {
                    Self::Unavailable(text)
                } else if code == "XX000" {
                    Self::Internal(text)
                } else {
                    Self::Driver(text)
                }
            }
            other => Self::Driver(other.to_string()),
        }
    }
}
