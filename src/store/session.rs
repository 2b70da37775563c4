//! Sessions: every connection works as one of the unprivileged roles, tied to the clinic it is for. There is no other way
//! to a connection, so a query cannot forget either.
//!
//! What a clinic's own requests do takes one of the clinic's share of the connections, so one clinic with many slow reads
//! leaves connections for the others.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::shares::Place;
use super::{Store, StoreError};
use crate::domain::ids::ClinicId;

/// What a session is for: a role of migration 0022 or 0023, and how its statements are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// What somebody signed in does, in one clinic.
    App,
    /// The same, for pages that follow one index whatever is asked: planning one would take longer than reading it.
    Page,
    /// Finding out who signs in, over all clinics.
    Auth,
    /// The operator and background work, in the clinic it is tied to; lists every clinic.
    Jobs,
    /// Writing submissions of the clinics it is tied to, and adding to the trail of every clinic; with one plan for every
    /// batch.
    Writer,
}

/// A connection or a transaction, with the place that it takes of its clinic's share.
pub(super) struct Shared<C> {
    // First, so that it goes back before the place does.
    inner: C,
    _place: Place,
}

/// A transaction within its clinic's share of the connections.
pub(super) type ClinicTransaction = Shared<Transaction<'static, Postgres>>;

impl<C: Deref<Target = PgConnection>> Deref for Shared<C> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl<C: DerefMut<Target = PgConnection>> DerefMut for Shared<C> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl ClinicTransaction {
    /// Commits.
    ///
    /// # Errors
    /// When the database is away, or refuses what the transaction did.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

impl Store {
    /// A connection for reading what belongs to one clinic.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn clinic(&self, clinic_id: ClinicId) -> Result<Shared<PoolConnection<Postgres>>, StoreError> {
        let place = self.place(clinic_id).await?;
        Ok(Shared { inner: self.session(Role::App, Some(clinic_id)).await?, _place: place })
    }

    /// A connection for reading a page of one clinic that follows the same index whatever is asked.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn page(&self, clinic_id: ClinicId) -> Result<Shared<PoolConnection<Postgres>>, StoreError> {
        let place = self.place(clinic_id).await?;
        Ok(Shared { inner: self.session(Role::Page, Some(clinic_id)).await?, _place: place })
    }

    /// A transaction in one clinic.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn begin(&self, clinic_id: ClinicId) -> Result<ClinicTransaction, StoreError> {
        let place = self.place(clinic_id).await?;
        Ok(Shared { inner: self.transaction("begin", Role::App, Some(clinic_id)).await?, _place: place })
    }

    /// A connection for what belongs to no clinic, such as the text of rule tables.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn common(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.session(Role::App, None).await
    }

    /// A connection that finds credentials of every clinic.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn auth(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.session(Role::Auth, None).await
    }

    /// A connection that lists every clinic, and reads nothing else of them.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn jobs(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.session(Role::Jobs, None).await
    }

    /// A transaction of the operator or of background work in one clinic.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn begin_jobs(&self, clinic_id: ClinicId) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.transaction("begin", Role::Jobs, Some(clinic_id)).await
    }

    /// A transaction that reads one moment and cannot write; it is tied to one clinic after the other.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn begin_snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.transaction("begin isolation level repeatable read read only", Role::Jobs, None).await
    }

    /// A transaction that writes what was submitted to some clinics, and adds to the trail of every clinic.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn begin_writer(&self, clinics: &[Uuid]) -> Result<Transaction<'static, Postgres>, StoreError> {
        let ids: Vec<String> = clinics.iter().map(ToString::to_string).collect();
        let begin = format!("begin; set local sarcoscreen.clinic_ids = '{{{}}}'", ids.join(","));
        self.transaction(&begin, Role::Writer, None).await
    }

    /// A transaction of one moment as the role that signed in to the database. Where that is the owner of the tables, it may
    /// remove entries of one clinic's audit log.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn begin_pruning(
        &self,
        clinic_id: ClinicId,
    ) -> Result<Transaction<'static, Postgres>, StoreError> {
        let statements = format!(
            "begin isolation level repeatable read; set local role none; set local sarcoscreen.clinic_id = '{clinic_id}'; \
             set local sarcoscreen.audit_prune = '{clinic_id}'; set local statement_timeout = 0"
        );
        Ok(self.pool.begin_with(AssertSqlSafe(statements)).await?)
    }

    /// A connection as the role that signed in to the database, which may read nothing of any clinic: for questions about
    /// the server, and about that role itself.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn account(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        sqlx::raw_sql("reset role").execute(&mut *connection).await?;
        Ok(connection)
    }

    /// A place of the clinic's share of the connections.
    async fn place(&self, clinic_id: ClinicId) -> Result<Place, StoreError> {
        let place = self.shares.take(clinic_id, self.pool.options().get_acquire_timeout()).await;
        place.ok_or_else(|| StoreError::Unavailable("the clinic's share of the connections is in use".to_owned()))
    }

    async fn session(&self, role: Role, clinic_id: Option<ClinicId>) -> Result<PoolConnection<Postgres>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        sqlx::raw_sql(AssertSqlSafe(tie("set", role, clinic_id))).execute(&mut *connection).await?;
        Ok(connection)
    }

    /// The settings end with the transaction; they travel with its beginning, so they cost no round trip.
    async fn transaction(
        &self,
        begin: &str,
        role: Role,
        clinic_id: Option<ClinicId>,
    ) -> Result<Transaction<'static, Postgres>, StoreError> {
        let statements = format!("{begin}; {}", tie("set local", role, clinic_id));
        Ok(self.pool.begin_with(AssertSqlSafe(statements)).await?)
    }
}

/// Ties a transaction to another clinic.
///
/// # Errors
/// When the database is away.
pub(super) async fn tie_to(connection: &mut PgConnection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::query("select set_config('sarcoscreen.clinic_id', $1, true)")
        .bind(clinic_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the rest of a transaction that of somebody signed in, in one clinic.
///
/// # Errors
/// When the database is away.
pub(super) async fn become_app(connection: &mut PgConnection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::App, Some(clinic_id)))).execute(connection).await?;
    Ok(())
}

/// Makes the rest of a transaction that of the operator, in one clinic.
///
/// # Errors
/// When the database is away.
pub(super) async fn become_jobs(connection: &mut PgConnection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::Jobs, Some(clinic_id)))).execute(connection).await?;
    Ok(())
}

/// Makes the rest of a transaction that of the writer again, in the clinics it began with.
///
/// # Errors
/// When the database is away.
pub(super) async fn become_writer(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::Writer, None))).execute(connection).await?;
    Ok(())
}

/// The statements that tie a session: ours but for an id, which is digits and hyphens.
fn tie(set: &str, role: Role, clinic_id: Option<ClinicId>) -> String {
    let (role, plans) = match role {
        Role::App => ("sarcoscreen_app", "auto"),
        Role::Page => ("sarcoscreen_app", "force_generic_plan"),
        Role::Auth => ("sarcoscreen_auth", "auto"),
        Role::Jobs => ("sarcoscreen_jobs", "auto"),
        Role::Writer => ("sarcoscreen_writer", "force_generic_plan"),
    };
    let clinic = clinic_id.map(|id| id.to_string()).unwrap_or_default();
    format!("{set} role {role}; {set} sarcoscreen.clinic_id = '{clinic}'; {set} plan_cache_mode = {plans}")
}
