//! Reads database connection settings, and sets log levels so that secrets are not logged.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::store::error::{Result, StoreError};

/// Never logged: the driver quotes unknown parameters of the database URL, and these may hold a secret. Statements are
/// logged without values, because every value is a bind parameter.
pub const NEVER_LOGGED: &str = "sqlx_postgres::options=off";

/// Logged only on request: notices, such as that a table already exists.
pub const QUIETLY_LOGGED: &str = "sqlx::postgres::notice=warn";

/// Parses a database URL. A password passed separately replaces the one in the URL. The error never repeats the URL, because
/// it may hold a password.
pub fn connect_options(url: &str, password: Option<&str>) -> Result<PgConnectOptions> {
    let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Address)?;
    Ok(match password {
        Some(password) => options.password(password),
        None => options,
    })
}

/// The host, when the connection crosses a network without verifying the server's certificate. `None` for a socket, for
/// loopback, and when the certificate is verified.
pub fn unverified_host(options: &PgConnectOptions) -> Option<&str> {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let here = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback());
    let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    (!here && !verified).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::{connect_options, unverified_host};

    #[test]
    fn only_a_network_without_a_verified_certificate_is_unverified() {
        let host = |url: &str| unverified_host(&connect_options(url, None).unwrap()).map(str::to_owned);
        for url in [
            "postgres://a@db.internal/d",
            "postgres://a@db.internal/d?sslmode=disable",
            "postgres://a@db.internal/d?sslmode=prefer",
            "postgres://a@db.internal/d?sslmode=require",
        ] {
            assert_eq!(host(url).as_deref(), Some("db.internal"), "{url}");
        }
        assert_eq!(host("postgres://a@192.0.2.7/d").as_deref(), Some("192.0.2.7"));
        for url in [
            "postgres://a@db.internal/d?sslmode=verify-ca",
            "postgres://a@db.internal/d?sslmode=verify-full",
            "postgres://a@localhost/d",
            "postgres://a@127.0.0.1/d",
            "postgres://a@[::1]/d",
            "postgres://a@localhost/d?host=/run/postgresql",
            "postgres://a@%2Frun%2Fpostgresql/d",
        ] {
            assert_eq!(host(url), None, "{url}");
        }
    }
}
