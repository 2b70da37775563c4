//! Follow-ups: opened or joined by SQL, listed most urgent first.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::page::{Key, Scope, cut};
use super::row::{at, known};
use super::{Store, StoreError};
use crate::domain::follow_up::{FollowUpState, OpenOrJoin, Urgency};
use crate::domain::ids::{ClinicId, FollowUpId, SubjectId};
use crate::domain::stored::{FollowUp, FollowUpFilter, FollowUpLink, Page, PageRequest};

/// Opens a case for the person, or joins the one that is open; a joined case takes the higher urgency. The partial
/// unique index decides which, whatever races.
pub(super) async fn open_or_join(
    connection: &mut PgConnection,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    intent: OpenOrJoin,
    now: Timestamp,
) -> Result<FollowUpLink, StoreError> {
    let row = sqlx::query!(
        "insert into follow_ups as f (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at)
         values ($1, $2, $3, 'open', $4, $5, $5)
         on conflict (clinic_id, subject_id) where state <> 'closed' do update
             set urgency = least(f.urgency, excluded.urgency), updated_at = excluded.updated_at,
                 row_version = f.row_version + 1
         returning follow_up_id, state, urgency",
        clinic_id.0,
        intent.follow_up_id.0,
        subject_id.0,
        intent.urgency.rank(),
        at(now) as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(FollowUpLink {
        follow_up_id: FollowUpId(row.follow_up_id),
        state: known(FollowUpState::parse(&row.state), "follow_ups", "state")?,
        urgency: known(Urgency::from_rank(row.urgency), "follow_ups", "urgency")?,
        joined: row.follow_up_id != intent.follow_up_id.0,
    })
}

/// Finds a follow-up of a clinic.
///
/// # Errors
/// When the database is away.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
) -> Result<Option<FollowUp>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select follow_up_id, subject_id, state, urgency, row_version as version,
                  flagged_at as "flagged_at: jiff_sqlx::Timestamp"
           from follow_ups where clinic_id = $1 and follow_up_id = $2"#,
        clinic_id.0,
        follow_up_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(FollowUp::try_from).transpose()
}

/// One page of the worklist: most urgent first, then oldest.
///
/// # Errors
/// When the cursor is not one of this list, or the database is away.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    page: &PageRequest,
) -> Result<Page<FollowUp>, StoreError> {
    let scope = Scope { clinic_id, list: "follow-ups by urgency and flagged_at", filter: format!("{filter:?}") };
    let after = page.cursor.as_deref().map(|cursor| scope.open(&store.keys, cursor)).transpose()?;
    let rows = match filter.state {
        None => not_closed(store, clinic_id, filter.urgency, after, page.limit).await?,
        Some(state) => in_state(store, clinic_id, state, filter.urgency, after, page.limit).await?,
    };
    let found = rows.into_iter().map(FollowUp::try_from).collect::<Result<Vec<_>, _>>()?;
    let (items, next_cursor) = cut(found, page.limit, |last| {
        let key = Key { rank: last.urgency.rank(), at: last.flagged_at, id: last.follow_up_id.0 };
        scope.seal(&store.keys, key)
    });
    Ok(Page { items, next_cursor })
}

async fn not_closed(
    store: &Store,
    clinic_id: ClinicId,
    urgency: Option<Urgency>,
    after: Option<Key>,
    limit: u16,
) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select follow_up_id, subject_id, state, urgency, row_version as version,
                  flagged_at as "flagged_at: jiff_sqlx::Timestamp"
           from follow_ups
           where clinic_id = $1 and state <> 'closed' and ($2::smallint is null or urgency = $2)
             and (urgency, flagged_at, follow_up_id) > (
                 coalesce($3::smallint, 0::smallint), coalesce($4::timestamptz, '-infinity'),
                 coalesce($5::uuid, '00000000-0000-0000-0000-000000000000')
             )
           order by urgency, flagged_at, follow_up_id limit $6"#,
        clinic_id.0,
        urgency.map(Urgency::rank),
        after.map(|key| key.rank),
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(limit) + 1,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(rows)
}

async fn in_state(
    store: &Store,
    clinic_id: ClinicId,
    state: FollowUpState,
    urgency: Option<Urgency>,
    after: Option<Key>,
    limit: u16,
) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select follow_up_id, subject_id, state, urgency, row_version as version,
                  flagged_at as "flagged_at: jiff_sqlx::Timestamp"
           from follow_ups
           where clinic_id = $1 and state = $7 and ($2::smallint is null or urgency = $2)
             and (urgency, flagged_at, follow_up_id) > (
                 coalesce($3::smallint, 0::smallint), coalesce($4::timestamptz, '-infinity'),
                 coalesce($5::uuid, '00000000-0000-0000-0000-000000000000')
             )
           order by urgency, flagged_at, follow_up_id limit $6"#,
        clinic_id.0,
        urgency.map(Urgency::rank),
        after.map(|key| key.rank),
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(limit) + 1,
        state.as_str(),
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(rows)
}

struct Row {
    follow_up_id: Uuid,
    subject_id: Uuid,
    state: String,
    urgency: i16,
    version: i32,
    flagged_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for FollowUp {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            follow_up_id: FollowUpId(row.follow_up_id),
            subject_id: SubjectId(row.subject_id),
            state: known(FollowUpState::parse(&row.state), "follow_ups", "state")?,
            urgency: known(Urgency::from_rank(row.urgency), "follow_ups", "urgency")?,
            flagged_at: row.flagged_at.to_jiff(),
            version: row.version,
        })
    }
}
