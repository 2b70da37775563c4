//! Rule tables: those of this binary, and those that only the database has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::app::{App, AppError, Result};
use crate::domain::screening::rule_table::{Id, RuleTable};
use crate::rules::Release;
use crate::rules::conformance::{self, ConformanceCase};
use crate::store;

/// The table that scores new submissions.
pub fn current(app: &App) -> &RuleTable {
    &app.releases.current().table
}

/// All versions of this binary, oldest first.
pub fn list(app: &App) -> Vec<Arc<Release>> {
    app.releases.iter().cloned().collect()
}

/// The version of this binary before another one; `None` before the first, and before a version that only the database
/// has.
pub fn before(app: &App, version: &str) -> Option<Arc<Release>> {
    let releases = list(app);
    let place = releases.iter().position(|release| &*release.table.version == version)?;
    releases.get(place.checked_sub(1)?).cloned()
}

/// The names of all versions of this binary, oldest first.
pub fn versions(app: &App) -> Vec<String> {
    app.releases.iter().map(|release| release.table.version.to_string()).collect()
}

/// A version: from this binary or, for rows scored by another binary, from the database. Fails when neither has the
/// version.
pub async fn get(app: &App, version: &str) -> Result<Arc<Release>> {
    if let Some(release) = app.releases.find(version) {
        return Ok(Arc::clone(release));
    }
    if let Some(release) = app.rule_tables.releases.get(version).await {
        return Ok(release);
    }
    if version.contains('\0') {
        // A `text` column cannot contain a null character.
        return Err(AppError::NotFound);
    }
    let files = store::screening::rule_tables::find(&app.store, version).await?.ok_or(AppError::NotFound)?;
    let release = Release::read(version, files).map_err(|_| AppError::RuleTable(Id::from(version)))?;
    let release = Arc::new(release);
    app.rule_tables.releases.insert(version.to_owned(), Arc::clone(&release)).await;
    Ok(release)
}

/// A version that a client requests. The database is queried for its versions at most once a second, regardless of the
/// number of requests.
pub async fn find(app: &App, version: &str) -> Result<Arc<Release>> {
    if app.releases.find(version).is_none() {
        let read = async { Ok::<_, AppError>(Arc::new(store::screening::rule_tables::versions(&app.store).await?)) };
        let versions = app.rule_tables.versions.try_get_with((), read).await.map_err(AppError::shared)?;
        if !versions.iter().any(|known| known == version) {
            return Err(AppError::NotFound);
        }
    }
    get(app, version).await
}

/// The versions without pathways. An empty list of pathways in their submissions is not a choice.
pub(in crate::app) async fn before_pathways(app: &App) -> Result<BTreeSet<String>> {
    let releases = every(app).await?.into_iter();
    Ok(releases.filter(|(_, release)| release.table.pathways.is_empty()).map(|(version, _)| version).collect())
}

/// The conformance cases, with the version they belong to.
pub fn conformance() -> Result<(&'static str, Vec<ConformanceCase>)> {
    let cases = conformance::cases().map_err(|error| AppError::Internal(error.into()))?;
    Ok((conformance::VERSION, cases))
}

/// All versions that rows of the database may refer to, except unusable ones.
pub(in crate::app) async fn every(app: &App) -> Result<BTreeMap<String, Arc<Release>>> {
    let mut releases = BTreeMap::new();
    for version in store::screening::rule_tables::versions(&app.store).await? {
        match get(app, &version).await {
            Ok(release) => drop(releases.insert(version, release)),
            Err(AppError::RuleTable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(releases)
}
