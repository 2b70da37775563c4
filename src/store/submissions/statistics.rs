//! Statistics. Counts of past days are stored; the other days are counted on request.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::follow_ups::StateName;
use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::submissions::statistics::{
    AGE_CLASSES_HOURS, ClosedCases, Count, DayRange, Dimension, OpenCases, Statistics, SubmissionCounts, counts_of,
    without,
};
use crate::store::database::{Connection, Store, at, bound, known, removal_lock::one_at_a_time};
use crate::store::error::Result;

/// A clinic's statistics over a range of days, with its currently open follow-ups, from one snapshot: the counts of days
/// and the corrections to be subtracted from them must agree.
pub async fn read(store: &Store, clinic_id: ClinicId, range: DayRange, now: Timestamp) -> Result<Statistics> {
    let mut connection = store.begin_report(clinic_id).await?;
    let mut counts = counted(&mut connection, clinic_id, range).await?;
    let days: BTreeSet<Date> = counts.iter().map(|count| count.day).collect();
    if let Some(last) = days.last().copied() {
        let corrected = corrected_since(&mut connection, clinic_id, last).await?;
        counts = without(counts, &corrected);
    }
    for part in range.without(&days) {
        counts.extend(count(&mut connection, clinic_id, part).await?);
    }
    Ok(Statistics {
        range,
        submissions: SubmissionCounts::gather(range, counts),
        open: open_cases(&mut connection, clinic_id, now).await?,
        closed: closed_cases(&mut connection, clinic_id, range).await?,
    })
}

/// Counts the first day of a clinic that is not counted yet, unless it is later than `last`. When two instances do this at
/// the same time, only the one that inserts the `submissions` row inserts the others. Fails when the database is
/// unavailable; then nothing was written for the day.
pub async fn count_next_day(store: &Store, clinic_id: ClinicId, last: Date) -> Result<Option<Date>> {
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let next = sqlx::query_scalar!(
        r#"select coalesce(
               (select max(day) + 1 from daily_counts where clinic_id = $1),
               (select (received_at at time zone 'UTC')::date from submissions where clinic_id = $1
                order by received_at limit 1)
           ) as "day: jiff_sqlx::Date""#,
        clinic_id.0,
    )
    .fetch_one(&mut *transaction)
    .await?;
    let Some(day) = next.map(jiff_sqlx::Date::to_jiff).filter(|day| *day <= last) else {
        return Ok(None);
    };
    // An erasure changes what corrects what, and the counts of counted days.
    one_at_a_time(&mut transaction, clinic_id).await?;
    let (since, until) = DayRange::single(day).bounds();
    let mine = sqlx::query!(
        "insert into daily_counts (clinic_id, day, dimension, value, count)
         select $1, $2, 'submissions', '', count(*) from submissions s
         where clinic_id = $1 and received_at >= $3 and received_at < $4 and not imported and not test
           and not exists (select from submissions later where later.clinic_id = $1 and later.supersedes = s.submission_id
                           and later.received_at < $4)
         on conflict do nothing",
        clinic_id.0,
        civil(day) as _,
        at(since) as _,
        at(until) as _,
    )
    .execute(&mut *transaction)
    .await?;
    if mine.rows_affected() == 1 {
        sqlx::query!(
            r#"insert into daily_counts (clinic_id, day, dimension, value, count)
               select $1, day, dimension, value, count from submission_counts($1, $2, $3, $3)
               where dimension <> 'submissions'"#,
            clinic_id.0,
            at(since) as _,
            at(until) as _,
        )
        .execute(&mut *transaction)
        .await?;
        let corrected = corrected(&mut transaction, clinic_id, since, until).await?;
        subtract(&mut transaction, clinic_id, &corrected).await?;
    }
    transaction.commit().await?;
    Ok(Some(day))
}

/// What corrections of the days that are not counted yet take from the counts of counted days. `counted` is one of these.
async fn corrected_since(connection: &mut Connection, clinic_id: ClinicId, counted: Date) -> Result<Vec<Count>> {
    let last = last_counted(connection, clinic_id).await?.unwrap_or(counted);
    let (_, since) = DayRange::single(last).bounds();
    corrected(connection, clinic_id, since, Timestamp::MAX).await
}

/// What corrections received in a time take from the counts of earlier days.
async fn corrected(
    connection: &mut Connection,
    clinic_id: ClinicId,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Count>> {
    let rows = sqlx::query!(
        r#"select day as "day!: jiff_sqlx::Date", dimension as "dimension!", value as "value!", count as "count!"
           from corrected_counts($1, $2, $3)"#,
        clinic_id.0,
        at(since) as _,
        bound(until) as _,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| of_columns(row.day, &row.dimension, row.value, row.count)).collect()
}

/// The last counted day of a clinic.
async fn last_counted(connection: &mut Connection, clinic_id: ClinicId) -> Result<Option<Date>> {
    let last = sqlx::query_scalar!(
        r#"select max(day) as "day: jiff_sqlx::Date" from daily_counts where clinic_id = $1"#,
        clinic_id.0,
    )
    .fetch_one(connection)
    .await?;
    Ok(last.map(jiff_sqlx::Date::to_jiff))
}

/// Changes the stored counts before a submission is erased, so that a chain of corrections is counted once afterwards. If it is
/// counted and a correction of it is not yet, that one takes its place when its day is counted: what the erased one corrected is
/// counted again until then. Without a correction of it, what it corrected counts again. Other erased submissions stay in the counts.
/// The transaction holds the lock of the clinic.
pub(super) async fn leave_chain(connection: &mut Connection, clinic_id: ClinicId, erased: SubmissionId) -> Result<()> {
    let Some(last) = last_counted(connection, clinic_id).await? else { return Ok(()) };
    let (_, until) = DayRange::single(last).bounds();
    let row = sqlx::query!(
        r#"select supersedes,
                  exists (select from submissions later where later.clinic_id = $1
                          and later.supersedes = s.submission_id) as "corrected!",
                  exists (select from submissions later where later.clinic_id = $1
                          and later.supersedes = s.submission_id and later.received_at < $3) as "corrected_and_counted!",
                  exists (select from submissions other where other.clinic_id = $1 and other.supersedes = s.supersedes
                          and other.submission_id <> s.submission_id and other.received_at < $3) as "other_counted!"
           from submissions s where s.clinic_id = $1 and s.submission_id = $2 and s.received_at < $3"#,
        clinic_id.0,
        erased.0,
        at(until) as _,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row.filter(|row| !row.corrected_and_counted) else { return Ok(()) };
    let before = row.supersedes.filter(|_| !row.other_counted).map(SubmissionId);
    if !row.corrected && before.is_none() {
        return Ok(());
    }
    let counts = counts_of_one(connection, clinic_id, erased, until).await?;
    subtract(connection, clinic_id, &counts).await?;
    let Some(before) = before else { return Ok(()) };
    let counts = counts_of_one(connection, clinic_id, before, until).await?;
    add(connection, clinic_id, &counts).await
}

/// What a submission received before a time adds to the counts of its day.
async fn counts_of_one(
    connection: &mut Connection,
    clinic_id: ClinicId,
    submission_id: SubmissionId,
    until: Timestamp,
) -> Result<Vec<Count>> {
    let row = sqlx::query!(
        r#"select (received_at at time zone 'UTC')::date as "day!: jiff_sqlx::Date", flagged,
                  case when band_at_least = band_at_most then band_at_least end as band, findings, positive_instruments
           from submissions
           where clinic_id = $1 and submission_id = $2 and received_at < $3 and not imported and not test"#,
        clinic_id.0,
        submission_id.0,
        at(until) as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(Vec::new, |row| {
        counts_of(row.day.to_jiff(), row.flagged, row.band, row.findings, row.positive_instruments)
    }))
}

/// Counts as columns.
struct Columns {
    days: Vec<String>,
    dimensions: Vec<String>,
    values: Vec<String>,
    counts: Vec<i64>,
}

impl Columns {
    fn new(counts: &[Count]) -> Self {
        Self {
            days: counts.iter().map(|count| count.day.to_string()).collect(),
            dimensions: counts.iter().map(|count| count.dimension.as_str().to_owned()).collect(),
            values: counts.iter().map(|count| count.value.clone()).collect(),
            counts: counts.iter().map(|count| i64::try_from(count.count).unwrap_or(i64::MAX)).collect(),
        }
    }
}

/// Subtracts counts from those that are stored.
async fn subtract(connection: &mut Connection, clinic_id: ClinicId, corrected: &[Count]) -> Result<()> {
    if corrected.is_empty() {
        return Ok(());
    }
    let Columns { days, dimensions, values, counts } = Columns::new(corrected);
    sqlx::query!(
        "update daily_counts d set count = greatest(d.count - c.count, 0)
         from unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) as c (day, dimension, value, count)
         where d.clinic_id = $1 and d.day = c.day::date and d.dimension = c.dimension and d.value = c.value",
        clinic_id.0,
        &days,
        &dimensions,
        &values,
        &counts,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds counts to those that are stored.
async fn add(connection: &mut Connection, clinic_id: ClinicId, counted: &[Count]) -> Result<()> {
    if counted.is_empty() {
        return Ok(());
    }
    let Columns { days, dimensions, values, counts } = Columns::new(counted);
    sqlx::query!(
        "insert into daily_counts as d (clinic_id, day, dimension, value, count)
         select $1, c.day::date, c.dimension, c.value, c.count
         from unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) as c (day, dimension, value, count)
         on conflict (clinic_id, day, dimension, value) do update set count = d.count + excluded.count",
        clinic_id.0,
        &days,
        &dimensions,
        &values,
        &counts,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn counted(connection: &mut Connection, clinic_id: ClinicId, range: DayRange) -> Result<Vec<Count>> {
    let rows = sqlx::query!(
        r#"select day as "day: jiff_sqlx::Date", dimension, value, count
           from daily_counts where clinic_id = $1 and day between $2 and $3"#,
        clinic_id.0,
        civil(range.first()) as _,
        civil(range.last()) as _,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| of_columns(row.day, &row.dimension, row.value, row.count)).collect()
}

async fn count(connection: &mut Connection, clinic_id: ClinicId, part: DayRange) -> Result<Vec<Count>> {
    let (since, until) = part.bounds();
    let rows = sqlx::query!(
        r#"select day as "day!: jiff_sqlx::Date", dimension as "dimension!", value as "value!", count as "count!"
           from submission_counts($1, $2, $3)"#,
        clinic_id.0,
        at(since) as _,
        at(until) as _,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| of_columns(row.day, &row.dimension, row.value, row.count)).collect()
}

fn of_columns(day: jiff_sqlx::Date, dimension: &str, value: String, count: i64) -> Result<Count> {
    let dimension = known(Dimension::parse(dimension), "daily_counts", "dimension")?;
    Ok(Count { day: day.to_jiff(), dimension, value, count: count.unsigned_abs() })
}

async fn open_cases(connection: &mut Connection, clinic_id: ClinicId, now: Timestamp) -> Result<OpenCases> {
    let mut open = OpenCases::default();
    let rows = sqlx::query!(
        r#"select state, width_bucket(extract(epoch from $2 - flagged_at)::float8, $3::float8[]) as "class!",
                  count(*) as "count!", count(*) filter (where due_at < $2) as "overdue!"
           from follow_ups where clinic_id = $1 and state <> 'closed' group by 1, 2"#,
        clinic_id.0,
        at(now) as _,
        &AGE_CLASSES_HOURS.map(|hours| f64::from(hours) * 3600.0),
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let state = known(StateName::parse(&row.state), "follow_ups", "state")?;
        let class = usize::try_from(row.class).unwrap_or_default().min(AGE_CLASSES_HOURS.len());
        *open.states.entry(state).or_default() += row.count.unsigned_abs();
        open.ages[class] += row.count.unsigned_abs();
        open.overdue += row.overdue.unsigned_abs();
    }
    let ages = sqlx::query_scalar!(
        r#"select percentile_cont(array[0.5, 0.9]) within group (
               order by extract(epoch from $2 - flagged_at)::float8 / 3600
           ) as "ages: Vec<f64>"
           from follow_ups where clinic_id = $1 and state <> 'closed'"#,
        clinic_id.0,
        at(now) as _,
    )
    .fetch_one(connection)
    .await?;
    if let Some([median, p90]) = ages.as_deref() {
        (open.median_hours, open.p90_hours) = (Some(*median), Some(*p90));
    }
    Ok(open)
}

async fn closed_cases(connection: &mut Connection, clinic_id: ClinicId, range: DayRange) -> Result<ClosedCases> {
    let (since, until) = range.bounds();
    let rows = sqlx::query!(
        r#"select outcome as "outcome!", diagnosis, count(*) as "count!"
           from follow_ups where clinic_id = $1 and closed_at >= $2 and closed_at < $3 group by outcome, diagnosis"#,
        clinic_id.0,
        at(since) as _,
        at(until) as _,
    )
    .fetch_all(connection)
    .await?;
    let mut closed = ClosedCases::default();
    for row in rows {
        let count = row.count.unsigned_abs();
        *closed.outcomes.entry(row.outcome).or_default() += count;
        if let Some(diagnosis) = row.diagnosis {
            *closed.diagnoses.entry(diagnosis).or_default() += count;
        }
    }
    Ok(closed)
}

fn civil(day: Date) -> jiff_sqlx::Date {
    jiff_sqlx::ToSqlx::to_sqlx(day)
}
