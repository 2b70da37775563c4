//! Intake: score answers, or submit them.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use crate::app::ambient::{new_id, possible, random};
use crate::app::{App, AppError, Result, audit::audited_read, once::Once, screening::rule_tables};
use crate::domain::access::actor::{Actor, Origin, Role};
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::receipt_code::ReceiptCode;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::questionnaire::Audiences;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::scoring::ScoreOptions;
use crate::domain::subjects::{SubjectDraft, contact::ContactWarning};
use crate::domain::submissions::correction::{self, CorrectionRefusal};
use crate::domain::submissions::stored::{Stored, StoredSubmission};
use crate::domain::submissions::{Draft, ExternalSource, Stamp, accept};
use crate::domain::{
    audit::AuditAction, clinics::Clinic, screening::answers::Answers, screening::scoring, screening::scoring::Alarm,
};
use crate::store::idempotency_keys::{Effect, Kept};
use crate::store::submissions::{self, corrections};
pub use crate::store::writers::{Held, PLACES};
use crate::store::{self, error::StoreError};

/// Scores answers without storing anything. `faults` are those found when the answers were read. Fails with the faults
/// and the red flags of the answers.
pub fn score(
    app: &App,
    table: &RuleTable,
    answers: &Answers,
    mut faults: Vec<Fault>,
    asked: ScoreOptions<'_>,
) -> Result<Assessment> {
    faults.extend(not_asked(table, answers));
    if faults.is_empty() {
        return Ok(scoring::score(table, answers, asked));
    }
    Err(refused(app, answers, faults))
}

/// Scores a draft without storing it. `faults` are those found when it was read. Fails with all faults that [`submit`]
/// would find in the draft itself, and the red flags of the answers.
pub fn preview(app: &App, actor: &Actor, clinic: &Clinic, draft: &Draft, faults: Vec<Fault>) -> Result<Assessment> {
    let faults = all_faults(app, actor, draft, faults);
    if !faults.is_empty() {
        return Err(refused(app, &draft.answers, faults));
    }
    let asked = ScoreOptions { audiences: Audiences::PERSON, pathways: draft.pathways(clinic) };
    Ok(scoring::score(rule_tables::current(app), &draft.answers, asked))
}

/// A draft that [`submit`] would store.
pub struct Valid {
    pub origin: Origin,
    pub received_at: Timestamp,
    pub test: bool,
    pub warnings: Vec<ContactWarning>,
    pub answers: Answers,
    pub assessment: Assessment,
}

/// Checks and scores a draft without storing it. Its idempotency key is not used. `faults` are those found when it was read.
/// Fails as [`submit`] would, with the red flags of the answers.
pub async fn validate(app: &App, actor: &Actor, clinic: &Clinic, draft: Draft, faults: Vec<Fault>) -> Result<Valid> {
    let assessment = preview(app, actor, clinic, &draft, faults)?;
    prepared(app)?;
    let draft = of_clinic(clinic, draft);
    if let Some(error) = stored_refusal(app, actor, clinic, &draft).await? {
        return Err(with_alarm(error, || alarm(app, &draft.answers)));
    }
    let (origin, received_at) = (Origin::from_role(actor.role), app.ambient.now());
    let Draft { test, warnings, answers, .. } = draft;
    Ok(Valid { origin, received_at, test, warnings, answers, assessment })
}

/// A place for a submission, to be held until the response is made. Call it before the body is read. Fails when the submission
/// would wait too long to be stored, or when `limit` submissions are in progress and its clinic has its share of them.
pub fn admit(app: &App, actor: &Actor, limit: usize) -> Result<Held> {
    Ok(app.writers.admit_submission(actor.clinic_id, limit)?)
}

/// Scores and stores a submission. When it returns, the submission is on disk, with its follow-up and audit entry. A
/// retry with the same key and body gets the submission that the first request stored, even if a later version of the
/// service finds the combination of answers implausible. `faults` are those found when the draft was read. Fails with
/// all faults and the red flags of the answers.
pub async fn submit(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    draft: Draft,
    faults: Vec<Fault>,
) -> Result<Once<StoredSubmission>> {
    let faults = all_faults(app, actor, &draft, faults);
    if !faults.is_empty() {
        let known = if may_be_of_before(&faults) { earlier(app, actor, &draft).await? } else { None };
        let Some(Stored::Replayed(stored)) = known else {
            return Err(refused(app, &draft.answers, faults));
        };
        return shown_again(app, actor, *stored).await.map(Once::replayed);
    }
    // Evaluated first: the transaction consumes the answers, and may refuse the correction.
    let alarm = draft.supersedes.map(|_| alarm(app, &draft.answers));
    let outcome = score_and_store(app, actor, clinic, draft).await.map_err(|error| match alarm {
        Some(alarm) => with_alarm(error, || alarm),
        None => error,
    })?;
    match outcome {
        Stored::Created(stored) => Ok(Once::first(*stored)),
        Stored::Replayed(stored) => shown_again(app, actor, *stored).await.map(Once::replayed),
        Stored::KeyReused => Err(AppError::IdempotencyKeyReused),
    }
}

/// Scores and stores a draft without faults.
pub(super) async fn score_and_store(app: &App, actor: &Actor, clinic: &Clinic, draft: Draft) -> Result<Stored> {
    prepared(app)?;
    let now = app.ambient.now();
    let draft = of_clinic(clinic, draft);
    if let Some(error) = stored_refusal(app, actor, clinic, &draft).await? {
        // A retry gets the original response, although the submission is corrected since, or has been removed.
        return match earlier(app, actor, &draft).await? {
            None => Err(with_alarm(error, || alarm(app, &draft.answers))),
            Some(known) => Ok(known),
        };
    }
    let stamp = Stamp {
        now,
        submission_id: new_id(&*app.ambient, now)?,
        subject_id: new_id(&*app.ambient, now)?,
        follow_up_id: new_id(&*app.ambient, now)?,
        audit_entry_id: new_id(&*app.ambient, now)?,
        receipt_code: ReceiptCode::from_random(random(&*app.ambient)?),
    };
    let accepted = accept(rule_tables::current(app), draft, actor, clinic, stamp);
    let outcome = app.writers.store_submission(&app.store, accepted).await?;
    if let Stored::Created(stored) = &outcome
        && (stored.follow_up.is_some() || stored.test)
    {
        app.deliveries.notify_one();
    }
    Ok(outcome)
}

/// Fails until the database and the master key are verified.
fn prepared(app: &App) -> Result<()> {
    if app.prepared.load(Ordering::Acquire) {
        return Ok(());
    }
    Err(AppError::Unavailable("the database and its master key are not verified yet".into()))
}

/// The draft, with the reference of its subject as a reference of the clinic if its system is one of the clinic's own.
fn of_clinic(clinic: &Clinic, draft: Draft) -> Draft {
    let own = &clinic.profile.reference_systems;
    let reference = draft.subject.reference.map(|reference| reference.within(own));
    Draft { subject: SubjectDraft { reference, ..draft.subject }, ..draft }
}

/// The refusal of a draft that only stored data shows, without red flags. The transaction checks a correction again.
async fn stored_refusal(app: &App, actor: &Actor, clinic: &Clinic, draft: &Draft) -> Result<Option<AppError>> {
    if let Some(refusal) = refused_correction(app, actor, clinic, draft).await? {
        return Ok(Some(StoreError::Correction(refusal).into()));
    }
    let fault = ambiguous_reference(app, actor, clinic, draft).await?;
    Ok(fault.map(|fault| AppError::Faulty(vec![fault])))
}

/// Why a draft may not correct the submission that it names. An intake key gets the same answer for another sender's submission
/// and for an unknown one.
async fn refused_correction(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    draft: &Draft,
) -> Result<Option<CorrectionRefusal>> {
    let Some(supersedes) = draft.supersedes else { return Ok(None) };
    let found = corrections::find(&app.store, actor.clinic_id, supersedes).await?;
    let subject_id = match correction::allowed(found.as_ref(), actor, draft.kind()) {
        Ok(corrected) => corrected.subject_id,
        Err(refusal) => return Ok(Some(refusal)),
    };
    let Some(reference) = &draft.subject.reference else { return Ok(None) };
    let own = &clinic.profile.reference_systems;
    let same = submissions::is_of_subject(&app.store, actor.clinic_id, subject_id, reference, own).await?;
    Ok((!same).then_some(CorrectionRefusal::OtherSubject))
}

/// A refusal with red flags. Other errors are unchanged.
fn with_alarm(error: AppError, alarm: impl FnOnce() -> Alarm) -> AppError {
    match error {
        AppError::Faulty(faults) => AppError::Refused { faults, alarm: alarm() },
        AppError::AlreadyCorrected { .. } => AppError::AlreadyCorrected { alarm: Some(alarm()) },
        error => error,
    }
}

const SEVERAL_SUBJECTS: Sentence = Sentence::new(
    "the clinic has several subjects with this reference in the systems that it names as its own; sarcoscreen clinics \
     shared-references lists them. Merge them if they are one person, otherwise name one of the systems with sarcoscreen \
     clinics set --other-reference-system",
    "la clínica tiene varios sujetos con esta referencia en los sistemas que nombra como propios; sarcoscreen clinics \
     shared-references los enumera. Fusiónelos si son una sola persona; si no, nombre uno de los sistemas con sarcoscreen \
     clinics set --other-reference-system",
);
const SYSTEM_NOT_NAMED: Sentence = Sentence::new(
    "the clinic has this reference without a system; name the system with sarcoscreen clinics set --reference-system if \
     its references are the clinic's own, otherwise with --other-reference-system",
    "la clínica tiene esta referencia sin sistema; nombre el sistema con sarcoscreen clinics set --reference-system si sus \
     referencias son propias de la clínica; si no, con --other-reference-system",
);

/// The fault of a reference that may identify two people. It is either a reference with a system that the clinic does not
/// name, if the clinic has the same reference of its own; or a reference of the clinic, if it finds several subjects in
/// the systems that the clinic names as its own.
async fn ambiguous_reference(app: &App, actor: &Actor, clinic: &Clinic, draft: &Draft) -> Result<Option<Fault>> {
    let Some(reference) = &draft.subject.reference else { return Ok(None) };
    let (own, others) = (&clinic.profile.reference_systems, &clinic.profile.other_reference_systems);
    // Without a second system, a reference finds at most one subject.
    if reference.system().map_or(own.is_empty(), |system| others.iter().any(|other| other == system)) {
        return Ok(None);
    }
    let found = store::subjects::namesakes(&app.store, actor.clinic_id, reference, own).await?;
    let detail = if reference.system().is_none() && found.of_the_clinic > 1 {
        SEVERAL_SUBJECTS
    } else if reference.system().is_some() && !found.same && found.of_the_clinic > 0 {
        SYSTEM_NOT_NAMED
    } else {
        return Ok(None);
    };
    Ok(Some(Fault::new("/subject/reference_system", FaultCode::Contradiction, detail)))
}

/// The outcome for a draft whose key was used before; `None` if it was not, or its submission has been removed.
async fn earlier(app: &App, actor: &Actor, draft: &Draft) -> Result<Option<Stored>> {
    let Some(idempotency) = &draft.idempotency else { return Ok(None) };
    let (clinic_id, now) = (actor.clinic_id, app.ambient.now());
    match store::idempotency_keys::find(&app.store, clinic_id, idempotency, now).await? {
        Some(Kept::Same(Effect::Submission(submission_id))) => {
            let stored = store::submissions::find(&app.store, clinic_id, submission_id).await?;
            Ok(stored.map(|stored| Stored::Replayed(Box::new(stored))))
        }
        Some(_) => Ok(Some(Stored::KeyReused)),
        None => Ok(None),
    }
}

/// Replays a receipt. Audited as a read of the submission.
pub(super) async fn shown_again(app: &App, actor: &Actor, stored: StoredSubmission) -> Result<StoredSubmission> {
    audited_read(app, actor, AuditAction::SubmissionRead, stored.submission_id.0, &[stored.subject_id]).await?;
    Ok(stored)
}

pub(super) fn refused(app: &App, answers: &Answers, faults: Vec<Fault>) -> AppError {
    AppError::Refused { faults, alarm: alarm(app, answers) }
}

/// The red flags of answers: those of the current table, and those of earlier tables that depend on items that the
/// current table does not ask. A client that still sends an alarm item of an earlier form must not get a weaker alarm
/// than before.
fn alarm(app: &App, answers: &Answers) -> Alarm {
    let current = rule_tables::current(app);
    let mut alarm = scoring::alarm(current, answers);
    let not_asked = current.asked.not_asked(answers);
    for earlier in app.releases.iter().rev().filter(|_| !not_asked.is_empty()) {
        alarm.add_earlier(&earlier.table, answers, not_asked);
    }
    alarm
}

/// A fault for each answer that the rule table does not ask.
fn not_asked(table: &RuleTable, answers: &Answers) -> impl Iterator<Item = Fault> {
    let faults = table.not_asked(answers);
    faults.into_iter().map(|fault| fault.under("/answers"))
}

/// Whether an earlier version of the service may have accepted the draft: it had fewer plausibility checks, and asked other
/// items.
pub(super) fn may_be_of_before(faults: &[Fault]) -> bool {
    faults.iter().all(|fault| matches!(fault.code, FaultCode::Implausible | FaultCode::NotAsked))
}

/// All faults of a draft: those found when it was read, and those that its syntax alone does not show.
pub(super) fn all_faults(app: &App, actor: &Actor, draft: &Draft, mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.extend(draft.answers.missing().map(|fault| fault.under("/answers")));
    faults.extend(not_asked(rule_tables::current(app), &draft.answers));
    if actor.role == Role::Browser {
        let detail = Sentence::new(
            "a browser key may not identify the person or the source of the record; omit the field",
            "una clave de navegador no puede identificar a la persona ni el origen del registro; omita el campo",
        );
        let set = [
            (draft.subject.reference.is_some(), "/subject/reference"),
            (draft.source.is_some(), "/source"),
            (draft.supersedes.is_some(), "/supersedes"),
            (draft.imported, "/imported"),
        ];
        let refused = set.into_iter().filter(|(set, _)| *set);
        faults.extend(refused.map(|(_, pointer)| Fault::new(pointer, FaultCode::NotAllowed, detail)));
        if draft.test {
            let detail = Sentence::new(
                "a browser key may not send test submissions; use an intake or staff key",
                "una clave de navegador no puede hacer envíos de prueba; use una clave de intake o de staff",
            );
            faults.push(Fault::new("/test", FaultCode::NotAllowed, detail));
        }
    }
    if draft.source.as_ref().is_some_and(|source| source.system == ExternalSource::WEB_FORM) {
        let detail = Sentence::new(
            "web_form is the system of the service's own form; name your system",
            "web_form es el sistema del formulario del propio servicio; indique el suyo",
        );
        faults.push(Fault::new("/source/system", FaultCode::NotAllowed, detail));
    }
    let consent = draft.subject.consent.as_ref().map(|consent| consent.given_at);
    for (pointer, at) in [("/answered_at", draft.answered_at), ("/subject/consent/given_at", consent)] {
        if at.is_some_and(|at| !possible(&*app.ambient, at)) {
            faults.push(Fault::new(
                pointer,
                FaultCode::OutOfRange,
                Sentence::new("must be between 1900 and now", "debe estar entre 1900 y ahora"),
            ));
        }
    }
    faults.extend(import_fault(app, draft));
    faults
}

/// Checks that imported history has a time of its answers, and that it is in the past.
fn import_fault(app: &App, draft: &Draft) -> Option<Fault> {
    match draft.answered_at {
        _ if !draft.imported => None,
        None => Some(Fault::new(
            "/answered_at",
            FaultCode::Required,
            Sentence::new(
                "history must state when it was answered",
                "los datos históricos deben indicar cuándo se respondieron",
            ),
        )),
        Some(at) if at < app.ambient.now() => None,
        Some(_) => Some(Fault::new(
            "/answered_at",
            FaultCode::OutOfRange,
            Sentence::new("history must be in the past", "los datos históricos deben ser del pasado"),
        )),
    }
}
