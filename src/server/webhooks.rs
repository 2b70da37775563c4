//! Configures webhooks.

use std::sync::Arc;

use crate::app::{Addresses, App, LIMIT, Receivers, SystemNames};
use crate::config::Settings;

/// The application with the allowed webhook destinations.
pub(super) fn configure(app: App, settings: &Settings) -> App {
    let addresses = Addresses::new(settings.webhooks.webhook_allow.clone());
    app.with_receivers(Receivers::new(addresses, Arc::new(SystemNames), LIMIT))
}
