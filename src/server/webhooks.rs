//! Webhooks, as the settings say.

use std::sync::Arc;

use crate::app::{Addresses, App, LIMIT, Receivers, SystemNames};
use crate::config::Settings;

/// The application, which sends webhooks to where the settings allow.
pub(super) fn applied(app: App, settings: &Settings) -> App {
    let addresses = Addresses::new(settings.webhooks.webhook_allow.clone());
    app.with_receivers(Receivers::new(addresses, Arc::new(SystemNames), LIMIT))
}
