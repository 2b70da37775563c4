//! Exports of a clinic's data, read while they are sent.

use futures_util::stream::{self, Stream};
use tokio::task::JoinHandle;

use crate::app::{App, AppError, Result, audit::audited_read, under_way::Place};
use crate::domain::submissions::export::{Chunk, Exported, ExportedFollowUp, ExportedSubmission};
use crate::domain::submissions::stored::SubmissionFilter;
use crate::domain::{access::actor::Actor, audit::AuditAction, follow_ups::worklist::FollowUpFilter};
use crate::store::{self, database::Store};

/// The clinic's submissions after a cursor that were received before now, oldest first. Fails when the clinic has too
/// many exports in progress; later failures are items of the stream.
pub async fn submissions(
    app: &App,
    actor: &Actor,
    filter: SubmissionFilter,
    after: Option<String>,
) -> Result<impl Stream<Item = Result<Vec<Exported<ExportedSubmission>>>> + use<>> {
    let place = app.under_way.export_place(actor).await?;
    let (reports, clinic_id, until) = (app.reports.clone(), actor.clinic_id, app.ambient.now());
    let read = move |after: Option<String>| {
        let (reports, filter) = (reports.clone(), filter.clone());
        async move {
            let read = async |store: Store| {
                store::submissions::exports::submissions(&store, clinic_id, &filter, until, after.as_deref()).await
            };
            Ok(reports.read(read).await?)
        }
    };
    let first = read(after).await?;
    audited_read(app, actor, AuditAction::SubmissionsExported, clinic_id.0, &[]).await?;
    Ok(chunks(first, read, place))
}

/// The clinic's follow-ups after a cursor that were flagged before now, oldest first. Fails as [`submissions`] does.
pub async fn follow_ups(
    app: &App,
    actor: &Actor,
    filter: FollowUpFilter,
    after: Option<String>,
) -> Result<impl Stream<Item = Result<Vec<Exported<ExportedFollowUp>>>> + use<>> {
    let place = app.under_way.export_place(actor).await?;
    let (reports, clinic_id, until) = (app.reports.clone(), actor.clinic_id, app.ambient.now());
    let read = move |after: Option<String>| {
        let (reports, filter) = (reports.clone(), filter.clone());
        async move {
            let read = async |store: Store| {
                store::submissions::exports::follow_ups(&store, clinic_id, &filter, until, after.as_deref()).await
            };
            Ok(reports.read(read).await?)
        }
    };
    let first = read(after).await?;
    audited_read(app, actor, AuditAction::FollowUpsExported, clinic_id.0, &[]).await?;
    Ok(chunks(first, read, place))
}

/// The next part of the stream.
enum Upcoming<T> {
    Read(Chunk<T>),
    UnderWay(JoinHandle<Result<Chunk<T>>>),
    Nothing,
}

/// Reads one chunk ahead of the one being sent, and no further: if the client stops reading, no more is read.
fn chunks<T, F>(
    first: Chunk<T>,
    read: impl Fn(Option<String>) -> F,
    place: Place,
) -> impl Stream<Item = Result<Vec<Exported<T>>>>
where
    T: Send + 'static,
    F: Future<Output = Result<Chunk<T>>> + Send + 'static,
{
    stream::try_unfold((Upcoming::Read(first), read, place), |(upcoming, read, place)| async move {
        let chunk = match upcoming {
            Upcoming::Read(chunk) => chunk,
            Upcoming::UnderWay(task) => {
                task.await.map_err(|_| AppError::Internal("reading an export failed".into()))??
            }
            Upcoming::Nothing => return Ok(None),
        };
        let upcoming = match chunk.next {
            Some(cursor) => Upcoming::UnderWay(tokio::spawn(read(Some(cursor)))),
            None => Upcoming::Nothing,
        };
        Ok(Some((chunk.rows, (upcoming, read, place))))
    })
}
