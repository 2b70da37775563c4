//! Sessions: every connection has an unprivileged role, and is restricted to its clinic. Connections are available only
//! through sessions, so a query cannot omit either.
//!
//! A clinic's own requests count against the clinic's share of the connections, so a clinic with many slow reads leaves
//! connections for the others.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::connection::{Connection, Patience, State};
use super::pool::{Pooled, give_up, runtime_of};
use super::role::{Role, tie};
use super::{Store, shares::Place};
use crate::domain::ids::ClinicId;
use crate::store::error::{Result, StoreError};

/// The server's time limit for a statement of a background job, a report or the operator.
const STATEMENT: Duration = Duration::from_secs(30);
/// How much longer than the server the client waits for such a statement.
const SPARE: Duration = Duration::from_secs(2);
/// Time limit for an abandoned session to end its statement or to roll back.
const SETTLE: Duration = Duration::from_secs(2);

/// A pooled connection, or a transaction on it. A transaction that is dropped is rolled back.
pub(in crate::store) struct Session {
    // `None` only during drop.
    connection: Option<Pooled>,
    /// The place that this session occupies in its clinic's share.
    // Last field, so that the connection is returned first.
    place: Option<Place>,
}

impl Deref for Session {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("the connection is taken when the session is dropped"),
        }
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("the connection is taken when the session is dropped"),
        }
    }
}

impl Session {
    pub(in crate::store) async fn commit(mut self) -> Result<()> {
        self.execute("commit").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Keeps the rows that a session of [`Store::common_rows`] wrote.
    pub(in crate::store) async fn keep(self) -> Result<()> {
        if self.in_transaction { self.commit().await } else { Ok(()) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        connection.rests_since = Instant::now();
        if connection.state() == State::Lost {
            give_up(connection);
        } else if connection.state() == State::Busy || connection.in_transaction {
            let place = self.place.take();
            // Not in the runtime of an HTTP worker, which may end before the rollback.
            let Some(runtime) = runtime_of(&connection) else { return };
            runtime.spawn(async move {
                let _held = place;
                match timeout(SETTLE, settled(&mut connection)).await {
                    Ok(Ok(())) => drop(connection),
                    _ => give_up(connection),
                }
            });
        }
    }
}

/// Rolls back an open transaction, or reads an unread response.
async fn settled(connection: &mut Connection) -> Result<(), sqlx::Error> {
    connection.wait(Patience::Each(SETTLE));
    if connection.in_transaction {
        connection.execute("rollback").await?;
        connection.in_transaction = false;
        return Ok(());
    }
    connection.ping().await
}

impl Store {
    /// A connection for reads in one clinic.
    pub(in crate::store) async fn clinic(&self, clinic_id: ClinicId) -> Result<Session> {
        self.session(Role::App, Some(clinic_id)).await
    }

    /// A connection for long reads in one clinic: exports and statistics.
    pub(in crate::store) async fn report(&self, clinic_id: ClinicId) -> Result<Session> {
        self.session(Role::Report, Some(clinic_id)).await
    }

    /// A connection for reading pages of one clinic that always use the same index.
    pub(in crate::store) async fn page(&self, clinic_id: ClinicId) -> Result<Session> {
        self.session(Role::Page, Some(clinic_id)).await
    }

    pub(in crate::store) async fn begin(&self, clinic_id: ClinicId) -> Result<Session> {
        self.writing("begin", Role::App, Some(clinic_id)).await
    }

    /// A connection for data that belongs to no clinic, such as the text of rule tables.
    pub(in crate::store) async fn common(&self) -> Result<Session> {
        self.session(Role::App, None).await
    }

    /// A connection that adds rows that belong to no clinic. On Citus they are kept by [`Session::keep`].
    pub(in crate::store) async fn common_rows(&self) -> Result<Session> {
        self.session_of("begin", Role::App, None).await
    }

    /// A connection that finds credentials of every clinic.
    pub(in crate::store) async fn auth(&self) -> Result<Session> {
        self.session(Role::Auth, None).await
    }

    /// A connection that lists every clinic, and reads nothing else.
    pub(in crate::store) async fn jobs(&self) -> Result<Session> {
        self.session(Role::Jobs, None).await
    }

    /// A transaction of the operator or of a background job in one clinic.
    pub(in crate::store) async fn begin_jobs(&self, clinic_id: ClinicId) -> Result<Session> {
        self.writing("begin", Role::Jobs, Some(clinic_id)).await
    }

    /// A read-only snapshot transaction in one clinic.
    pub(in crate::store) async fn begin_report(&self, clinic_id: ClinicId) -> Result<Session> {
        self.snapshot(Role::Report, Some(clinic_id)).await
    }

    /// A read-only snapshot transaction that is switched from clinic to clinic.
    pub(in crate::store) async fn begin_snapshot(&self) -> Result<Session> {
        self.snapshot(Role::Jobs, None).await
    }

    /// A transaction that tests whether the database accepts rows.
    pub(in crate::store) async fn begin_probe(&self) -> Result<Session> {
        self.writing("begin", Role::Jobs, None).await
    }

    /// A transaction that writes submissions of some clinics, and audit entries of every clinic. On Citus it writes those
    /// of one clinic, so that it needs one worker only.
    pub(in crate::store) async fn begin_writer(&self, clinics: &[Uuid]) -> Result<Session> {
        if let [clinic] = clinics
            && self.pool.is_citus()
        {
            return self.writing("begin", Role::OneClinicWriter, Some(ClinicId(*clinic))).await;
        }
        let ids: Vec<String> = clinics.iter().map(ToString::to_string).collect();
        let begin = format!("begin; set local sarcoscreen.clinic_ids = '{{{}}}'", ids.join(","));
        self.writing(&begin, Role::Writer, None).await
    }

    /// A repeatable-read transaction in the login role. If this role owns the tables, it may remove audit entries of one
    /// clinic.
    pub(in crate::store) async fn begin_pruning(&self, clinic_id: ClinicId) -> Result<Session> {
        let mut session = self.connection(Role::Jobs, None).await?;
        session.in_transaction = true;
        session
            .execute(AssertSqlSafe(format!(
                "begin isolation level repeatable read; set local role none; \
                 set local sarcoscreen.clinic_id = '{clinic_id}'; \
                 set local sarcoscreen.audit_prune = '{clinic_id}'; set local statement_timeout = 0"
            )))
            .await?;
        session.wait(Patience::Endless);
        Ok(session)
    }

    /// A connection in the login role, which may not read any clinic's data. For queries about the server and about that
    /// role.
    pub(in crate::store) async fn account(&self) -> Result<Session> {
        let mut session = self.connection(Role::Auth, None).await?;
        session.execute("reset role").await?;
        Ok(session)
    }

    async fn session(&self, role: Role, clinic_id: Option<ClinicId>) -> Result<Session> {
        self.session_of("begin read only", role, clinic_id).await
    }

    /// A session that keeps its settings. On Citus it is a transaction that begins with `begin`, because only settings of a
    /// transaction reach the workers.
    async fn session_of(&self, begin: &str, role: Role, clinic_id: Option<ClinicId>) -> Result<Session> {
        let mut session = self.connection(role, clinic_id).await?;
        if session.citus {
            session.in_transaction = true;
            let tied = self.tied("set local", role, clinic_id, true);
            session.execute(AssertSqlSafe(format!("{begin}; {tied}"))).await?;
        } else {
            session.execute(AssertSqlSafe(self.tied("set", role, clinic_id, false))).await?;
        }
        Ok(session)
    }

    async fn snapshot(&self, role: Role, clinic_id: Option<ClinicId>) -> Result<Session> {
        let mut session = self.connection(role, clinic_id).await?;
        session.in_transaction = true;
        let tied = self.tied("set local", role, clinic_id, session.citus);
        session.execute(AssertSqlSafe(format!("begin isolation level repeatable read read only; {tied}"))).await?;
        Ok(session)
    }

    /// A transaction that writes. The session settings and the check for unsafe server settings are sent with `begin`, so
    /// they cost no extra round trip. The settings end with the transaction. Fails when the server's settings could lose
    /// acknowledged transactions.
    async fn writing(&self, begin: &str, role: Role, clinic_id: Option<ClinicId>) -> Result<Session> {
        let mut session = self.connection(role, clinic_id).await?;
        session.in_transaction = true;
        let tied = self.tied("set local", role, clinic_id, session.citus);
        let statements = format!("{begin}; {tied}; {DURABILITY}");
        let off: String = session.fetch_one(AssertSqlSafe(statements)).await?.try_get(0)?;
        match off.split_whitespace().find(|setting| !self.accepted_unsafe_settings.iter().any(|name| name == setting)) {
            Some(setting) => Err(StoreError::Unavailable(format!("{setting} is off, so stored data could be lost"))),
            None => Ok(session),
        }
    }

    /// A connection with the deadline of the role. If the role serves a clinic, the connection counts against the clinic's
    /// share.
    async fn connection(&self, role: Role, clinic_id: Option<ClinicId>) -> Result<Session> {
        let until = Instant::now() + self.deadline;
        let share = clinic_id.filter(|_| matches!(role, Role::App | Role::Page | Role::Report));
        let place = match share {
            Some(clinic_id) => {
                let place = self.shares.take(clinic_id, self.deadline).await;
                let full = || StoreError::Unavailable("the clinic's share of the connections is in use".to_owned());
                Some(place.ok_or_else(full)?)
            }
            None => None,
        };
        let mut connection = self.pool.get(until).await?;
        connection.wait(match role {
            Role::Report | Role::Jobs => Patience::Each(STATEMENT + SPARE),
            Role::App | Role::Page | Role::Auth | Role::Writer | Role::OneClinicWriter => Patience::Until(until),
        });
        Ok(Session { connection: Some(connection), place })
    }

    /// The statements that set up a session, including the statement timeout.
    fn tied(&self, set: &str, role: Role, clinic_id: Option<ClinicId>, citus: bool) -> String {
        let limit = match role {
            Role::Report | Role::Jobs => STATEMENT,
            Role::App | Role::Page | Role::Auth | Role::Writer | Role::OneClinicWriter => self.deadline,
        };
        format!("{}; {set} statement_timeout = {}", tie(set, role, clinic_id, citus), limit.as_millis())
    }
}

/// Selects the durability settings that are off. A reload may change them while the service runs. `synchronous_commit` is
/// not included, because each session sets it.
const DURABILITY: &str = "select concat_ws(' ',
    case when current_setting('fsync') = 'off' then 'fsync' end,
    case when current_setting('full_page_writes') = 'off' then 'full_page_writes' end)";
