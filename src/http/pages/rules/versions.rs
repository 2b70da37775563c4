//! The page with all versions, the newest first.

use askama::Template;

use super::links::Link;
use crate::app::App;
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;
use crate::http::pages::layout::Layout;
use crate::http::pages::rendered;
use crate::http::pages::texts::{self, RulesTexts};

#[derive(Template)]
#[template(path = "pages/rule_versions.html")]
struct VersionsPage {
    layout: Layout,
    texts: &'static RulesTexts,
    versions: Vec<Version>,
}

struct Version {
    title: String,
    is_current: bool,
    digest: String,
    read: Link,
    /// What changed in it; `None` for the first version.
    changes: Option<Link>,
}

pub(super) fn page(app: &App, language: Language) -> Result<Vec<u8>, Problem> {
    let texts = &texts::of(language)?.rules;
    let current = &rule_tables::current(app).version;
    let mut versions = Vec::new();
    let mut before: Option<String> = None;
    for release in rule_tables::list(app) {
        let version = release.table.version.to_string();
        let since = before.replace(version.clone());
        versions.push(Version {
            title: texts.version.replace("{version}", &version),
            is_current: release.table.version == *current,
            digest: release.digest.clone(),
            read: Link::to_table(&version, language, &texts.read),
            changes: since.map(|before| Link::to_changes(&version, &before, language, &texts.changes)),
        });
    }
    versions.reverse();
    let layout = Layout::new(language, "/rules", texts.versions_title.clone(), None)?;
    rendered(&VersionsPage { layout, texts, versions })
}
