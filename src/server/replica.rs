//! Configures reads from the replica.

use std::time::Duration;

use super::database::password;
use super::{ServerError, migration};
use crate::app::App;
use crate::config::Settings;
use crate::store::connect_options;

pub(super) fn configure(app: App, settings: &Settings) -> Result<App, ServerError> {
    let Some(url) = &settings.replica.read_url else { return Ok(app) };
    let Some(primary) = &settings.database.url else { return Err(ServerError::ReplicaOfNothing) };
    let file = settings.database.password_file.as_deref().filter(|_| !holds_a_password(url.reveal()));
    let password = file.map(password).transpose()?;
    let options = connect_options(url.reveal(), password.as_ref().map(|text| text.as_str()));
    let options = options.map_err(|_| ServerError::ReadAddress)?;
    let primary = connect_options(primary.reveal(), None)?;
    if options.get_username() != primary.get_username() {
        return Err(ServerError::ReadRole(primary.get_username().to_owned()));
    }
    migration::warn_of_unverified(&options, "DATABASE_READ_URL");
    let bound = Duration::from_secs(settings.replica.read_staleness_seconds);
    Ok(app.with_replica(options, settings.database.connections, bound))
}

/// Whether a URL contains a password: after the user's name, or as a parameter.
fn holds_a_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
        || parameters.split('&').any(|parameter| parameter.starts_with("password="))
}

#[cfg(test)]
mod tests {
    use super::holds_a_password;

    #[test]
    fn a_password_is_found_wherever_a_url_may_contain_one() {
        for url in ["postgres://a:b@h/d", "postgres://a:b@h", "postgres://h/d?sslmode=require&password=b"] {
            assert!(holds_a_password(url), "{url}");
        }
        for url in [
            "postgres://a@h/d",
            "postgres://h:5432/d",
            "postgres://a@h:5432/d?options=-c%20x=1",
            "postgres:///d?host=/x:y",
        ] {
            assert!(!holds_a_password(url), "{url}");
        }
    }
}
