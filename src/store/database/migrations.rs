//! Compares the migrations of a database with those of this program.

use super::{Connection, MIGRATOR};
use crate::store::error::Result;

/// The migration versions that differ between a database and this program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrations {
    /// Part of this program, and not applied.
    pub missing: Vec<i64>,
    /// Part of this program, begun and not finished.
    pub half_applied: Vec<i64>,
    /// Applied in the database, and not part of this program.
    pub unknown: Vec<i64>,
}

impl Migrations {
    /// What prevents this program from working on the database, and what to do. `None` if nothing does.
    pub fn fault(&self) -> Option<String> {
        let Self { missing, half_applied, .. } = self;
        if !half_applied.is_empty() {
            return Some(format!(
                "the database has the migrations {} half applied (success is false in _sqlx_migrations): restore the backup \
                 from before them, or undo by hand what they changed and delete their rows there; then run `sarcoscreen \
                 migrate`",
                list(half_applied)
            ));
        }
        if missing.len() == MIGRATOR.iter().count() {
            return Some(
                "the database has no schema yet; run `sarcoscreen migrate` as its owner to create it".to_owned(),
            );
        }
        let apply = "run `sarcoscreen migrate` as the owner of the database to apply them";
        (!missing.is_empty()).then(|| format!("the database lacks the migrations {}; {apply}", list(missing)))
    }

    /// A warning when a newer program migrated the database; the service still works. `None` otherwise.
    pub fn warning(&self) -> Option<String> {
        if self.unknown.is_empty() {
            return None;
        }
        Some(format!(
            "the database has the migrations {}, which a newer sarcoscreen applied and this one does not know; update this \
             program to end the upgrade",
            list(&self.unknown)
        ))
    }

    /// Compares with the rows of `_sqlx_migrations`: each version, and whether it was finished.
    fn compared(rows: &[(i64, bool)]) -> Self {
        let mut found = Self::default();
        for migration in MIGRATOR.iter() {
            match rows.iter().find(|(version, _)| *version == migration.version) {
                Some((_, true)) => {}
                Some((_, false)) => found.half_applied.push(migration.version),
                None => found.missing.push(migration.version),
            }
        }
        let versions = rows.iter().map(|(version, _)| *version);
        found.unknown = versions.filter(|version| !MIGRATOR.version_exists(*version)).collect();
        found
    }
}

pub(in crate::store) async fn compare(connection: &mut Connection) -> Result<Migrations> {
    let exists = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "exists!""#)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Migrations::compared(&[]));
    }
    let rows = sqlx::query_as::<_, (i64, bool)>("select version, success from _sqlx_migrations order by version");
    Ok(Migrations::compared(&rows.fetch_all(connection).await?))
}

fn list(versions: &[i64]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<(i64, bool)> {
        MIGRATOR.iter().map(|migration| (migration.version, true)).collect()
    }

    #[test]
    fn each_state_has_its_own_text() {
        assert_eq!(Migrations::compared(&rows()), Migrations::default());
        assert_eq!((Migrations::default().fault(), Migrations::default().warning()), (None, None));
        let empty = Migrations::compared(&[]).fault().unwrap();
        let (mut half, mut future) = (rows(), rows());
        half[3].1 = false;
        future.push((9_999, false));
        let missing = Migrations::compared(&rows()[1..]);
        let half = Migrations::compared(&half);
        let future = Migrations::compared(&future);
        assert_eq!(
            (&missing.missing[..], &half.half_applied[..], &future.unknown[..]),
            (&[1][..], &[4][..], &[9_999][..])
        );
        assert_eq!(future.fault(), None, "unknown newer migrations are not a fault");
        assert!(future.warning().unwrap().contains("9999"));
        let texts = [empty, missing.fault().unwrap(), half.fault().unwrap()];
        assert!(texts.iter().all(|text| text.contains("sarcoscreen migrate")), "{texts:?}");
        assert!(texts[0].contains("no schema") && texts[1].contains("lacks") && texts[2].contains("half applied"));
    }
}
