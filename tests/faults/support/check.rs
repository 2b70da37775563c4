//! Checks everything that was acknowledged, through the API and in the database.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{Executor as _, PgConnection, Row as _};
use uuid::Uuid;

use super::client::{self, Line};
use super::ledger::{Acknowledged, Ledger};
use super::run::Clinic;

/// Number of concurrent reading connections.
const READERS: usize = 48;
/// How long one submission is requested before it counts as not shown.
const SHOWN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) acknowledged: usize,
    /// Acknowledged but missing.
    pub(crate) lost: i64,
    /// Stored in addition to the submission that was acknowledged under the same key.
    pub(crate) doubled: i64,
    /// Stored with another total, or without its follow-up, audit entry, idempotency key or an event.
    pub(crate) half_written: i64,
    /// Not shown by the API with the acknowledged total.
    pub(crate) not_shown: usize,
}

impl Report {
    /// Fails unless every acknowledged submission is stored once and complete.
    pub(crate) fn must_be_whole(&self) {
        println!("{self:?}");
        assert!(self.acknowledged > 0);
        let faults = (self.lost, self.doubled, self.half_written, self.not_shown);
        assert_eq!(faults, (0, 0, 0, 0), "lost, doubled, half-written, not shown");
    }
}

/// Ids of all stored submissions.
pub(crate) async fn present(connection: &mut PgConnection) -> Vec<Uuid> {
    sqlx::query_scalar("select submission_id from submissions").fetch_all(connection).await.unwrap()
}

/// Checks everything that was acknowledged; `before` lists the submissions stored before the load.
pub(crate) async fn check(
    connection: &mut PgConnection,
    before: &[Uuid],
    address: SocketAddr,
    ledger: &Ledger,
) -> Report {
    let acknowledged = ledger.acknowledged();
    let (lost, half_written, beside) = stored(connection, before, ledger.clinics(), &acknowledged).await;
    let readers = (0..READERS).map(|reader| {
        let part: Vec<_> = acknowledged.iter().skip(reader).step_by(READERS).collect();
        not_shown(address, ledger.clinics(), part)
    });
    let not_shown = join_all(readers).await.into_iter().sum();
    let twice = i64::try_from(ledger.twice()).unwrap();
    Report { acknowledged: acknowledged.len(), lost, doubled: beside + twice, half_written, not_shown }
}

/// The acknowledged submissions, each with the rows that must exist exactly once.
const WHOLE: &str = "
    with entry as (
        select clinic_id, resource_id as submission_id, count(*) as n from audit_entries
        where action = 'submission_created' and outcome = 'success' group by 1, 2
    ), key as (
        select clinic_id, submission_id, count(*) as n, min(idempotency_key) as key from idempotency_keys
        where submission_id is not null group by 1, 2
    ), joined as (
        select clinic_id, submission_id, count(*) as n from follow_up_events
        where command in ('open', 'join') group by 1, 2
    ), sent as (
        select clinic_id, event_id as submission_id, count(*) as n from webhook_deliveries
        where event = 'submission.flagged' group by 1, 2
    )
    select count(*) filter (where s.submission_id is null) as lost,
           count(*) filter (where s.submission_id is not null and not (
               s.score_total = a.total and s.flagged = a.flagged
               and coalesce(entry.n, 0) = 1
               and coalesce(key.n, 0) = 1 and key.key = a.key
               and coalesce(joined.n, 0) = a.flagged::int
               and (s.follow_up_id is not null) = a.flagged and (f.follow_up_id is not null) = a.flagged
               and coalesce(sent.n, 0) = case when a.flagged then a.endpoints else 0 end
           )) as half_written
    from acknowledged a
    left join submissions s using (clinic_id, submission_id)
    left join follow_ups f using (clinic_id, follow_up_id)
    left join entry using (clinic_id, submission_id)
    left join key using (clinic_id, submission_id)
    left join joined using (clinic_id, submission_id)
    left join sent using (clinic_id, submission_id)";

/// The numbers of lost submissions, half-written submissions, and stored submissions that were not acknowledged.
async fn stored(
    connection: &mut PgConnection,
    before: &[Uuid],
    clinics: &[Clinic],
    acknowledged: &[Acknowledged],
) -> (i64, i64, i64) {
    let table = "create temp table acknowledged
        (clinic_id uuid, submission_id uuid primary key, key text, total int, flagged boolean, endpoints bigint)";
    connection.execute(table).await.unwrap();
    let insert = "insert into acknowledged
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::boolean[], $6::bigint[])
        on conflict do nothing";
    let all = || acknowledged.iter();
    let insert = sqlx::query(insert)
        .bind(all().map(|one| clinics[one.clinic].id).collect::<Vec<_>>())
        .bind(all().map(|one| one.id).collect::<Vec<_>>())
        .bind(all().map(|one| one.key.clone()).collect::<Vec<_>>())
        .bind(all().map(|one| one.total).collect::<Vec<_>>())
        .bind(all().map(|one| one.flagged).collect::<Vec<_>>())
        .bind(all().map(|one| clinics[one.clinic].endpoints).collect::<Vec<_>>());
    insert.execute(&mut *connection).await.unwrap();
    connection.execute("analyze acknowledged").await.unwrap();
    let row = sqlx::query(WHOLE).fetch_one(&mut *connection).await.unwrap();
    let beside = "select count(*) from submissions s where not s.submission_id = any ($1)
        and not exists (select from acknowledged a where a.submission_id = s.submission_id)";
    let beside = sqlx::query_scalar(beside).bind(before).fetch_one(&mut *connection).await.unwrap();
    connection.execute("drop table acknowledged").await.unwrap();
    (row.get("lost"), row.get("half_written"), beside)
}

/// The number of submissions that the API does not show as acknowledged.
async fn not_shown(address: SocketAddr, clinics: &[Clinic], part: Vec<&Acknowledged>) -> usize {
    let mut line = Line::new(address);
    let mut missing = 0;
    for one in part {
        let request = client::get(&clinics[one.clinic].staff, &format!("/v1/submissions/{}", one.id));
        let shown = tokio::time::timeout(SHOWN, async {
            loop {
                match line.ask(request.as_bytes()).await {
                    Ok(answer) if answer.status == 503 || answer.status == 429 => {}
                    Ok(answer) => {
                        let body = answer.json();
                        return answer.status == 200 && body["assessment"]["score"]["total"] == one.total;
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        missing += usize::from(!shown.await.unwrap_or(false));
    }
    missing
}
