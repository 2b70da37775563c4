//! Where the database is, and what is not to be logged on the way there.

use sqlx::postgres::PgConnectOptions;

use super::StoreError;

/// What is never logged: the driver quotes parts of a database URL that it does not know, where a secret may stand. Of
/// statements it logs the text alone, in which no value stands, since every value is a parameter.
pub const NEVER_LOGGED: &str = "sqlx_postgres::options=off";

/// What is logged only when asked for: notices, such as that a table is there already.
pub const QUIETLY_LOGGED: &str = "sqlx::postgres::notice=warn";

/// Reads how to connect from a URL; the password may stand in a file of its own.
///
/// # Errors
/// When the URL is not one of PostgreSQL. The message never repeats it, since it may hold a password.
pub fn connect_options(url: &str, password: Option<&str>) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Address)?;
    Ok(match password {
        Some(password) => options.password(password),
        None => options,
    })
}
