//! What can go wrong below the application.

use super::constraint::Meaning;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A named constraint was violated, and it means something to the caller.
    #[error("the database refused the row: {0:?}")]
    Conflict(Meaning),
    /// There is no such row for this clinic.
    #[error("there is no such row")]
    Missing,
    /// The row changed since the caller saw it.
    #[error("the row changed since")]
    Stale,
    /// The state of the row does not allow the change, in one sentence.
    #[error("{0}")]
    Refused(&'static str),
    /// The retry key stands for another request.
    #[error("the idempotency key stands for another request")]
    KeyReused,
    /// A cursor that this service did not make for this list.
    #[error("the cursor is not one of this list")]
    Cursor,
    /// The database cannot be reached or does not answer in time.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A row breaks an invariant.
    #[error("a row of {table} is inconsistent: {what}")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// Which invariant; never the row's content.
        what: &'static str,
    },
    /// The database holds another text of a rule table than this binary.
    #[error("rule table {version} in the database differs from the one in this binary")]
    RuleTableDiffers {
        /// Which version.
        version: String,
    },
    /// The database was written with another master key.
    #[error("this database was written with another master key; name the right one with SARCOSCREEN_MASTER_KEY_FILE")]
    OtherMasterKey,
    /// The role that the service is to sign in as could pass by what keeps clinics apart.
    #[error(
        "the role {0} is the owner of the database, a superuser or another that may pass by row security; name a role of \
         its own in DATABASE_URL, such as sarcoscreen_service, which is made then"
    )]
    PrivilegedLogin(String),
    /// The owner may not make the role that the service is to sign in as, or not give it what it needs.
    #[error(
        "the owner may not make the role {0} or not grant it the working roles: {1}; have an administrator of the database \
         make it, `login noinherit in role sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs`"
    )]
    LoginNotMade(String, String),
    /// The database URL cannot be read.
    #[error("DATABASE_URL is not a PostgreSQL address")]
    Address,
    /// A migration failed.
    #[error("migration: {0}")]
    Migration(sqlx::migrate::MigrateError),
    /// Anything else that the driver reports.
    #[error("database: {0}")]
    Driver(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // The server went away, or what answers in its place is no PostgreSQL: a proxy without a server behind it.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error.to_string())
            }
            sqlx::Error::Database(database) => {
                if let Some(meaning) = database.constraint().and_then(Meaning::of) {
                    return Self::Conflict(meaning);
                }
                let code = database.code().unwrap_or_default();
                // 08 connection, 28 sign-in, 3D000 no such database, 53 resources, 57P shutdown, 58 the server's disk,
                // 55P03 lock timeout, 57014 statement timeout, 25006 read only, 25P03 idle in transaction, 40 rollback:
                // all of them may pass when tried again.
                let passing = ["08", "28", "3D", "53", "57", "58", "40", "55P03", "25006", "25P03"];
                let text = format!("{} ({code})", database.message());
                if passing.iter().any(|class| code.starts_with(class)) {
                    Self::Unavailable(text)
                } else {
                    Self::Driver(text)
                }
            }
            other => Self::Driver(other.to_string()),
        }
    }
}
