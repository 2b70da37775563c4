//! A subject as staff change it: versions, history, withdrawal, merges and their undoing.

use serde_json::{Value, json};

use crate::world::{Answer, Clinic, User, World, fit, frail};

fn consent(to_contact: bool, given_at: &str) -> Value {
    json!({"to_contact": to_contact, "text_version": "2026-01", "given_at": given_at})
}

fn contact(name: &str) -> Value {
    json!({"name": name, "telephone": "+34 600-111 222", "email": null, "channel": "telephone", "language": "es"})
}

/// Submits for a subject with consent and returns the receipt.
async fn submit(user: &User, reference: &str, answers: Value) -> Value {
    let subject = json!({"reference": reference, "contact": contact("Ana Ruiz"),
        "consent": consent(true, "2026-01-02T03:04:05Z")});
    user.submit(&json!({"answers": answers, "subject": subject})).await.expect(201)
}

fn id(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn put(user: &User, path: &str, tag: &str, body: &Value) -> Answer {
    user.send(user.request("PUT", path).header("if-match", tag).json(body)).await
}

/// Merges with the current version.
async fn merge(user: &User, kept: &str, merged: &str) -> Answer {
    let tag = user.get(&format!("/v1/subjects/{kept}")).await.header("etag").to_owned();
    let path = format!("/v1/subjects/{kept}/merge");
    user.send(user.request("POST", &path).header("if-match", tag).json(&json!({"merged": merged}))).await
}

async fn search(user: &User, by: &str, text: &str) -> Vec<Value> {
    let page = user.post("/v1/subjects/search", &json!({by: text})).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

async fn submissions(clinic: &Clinic, subject: &str) -> Vec<String> {
    let page = clinic.staff.get(&format!("/v1/subjects/{subject}/submissions")).await.expect(200);
    page["items"].as_array().unwrap().iter().map(|item| id(&item["id"])).collect()
}

async fn case(clinic: &Clinic, case: &str) -> Value {
    clinic.staff.get(&format!("/v1/follow-ups/{case}")).await.expect(200)
}

#[tokio::test]
async fn a_change_needs_the_current_version_and_keeps_the_earlier_data_in_the_history() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = id(&submit(&clinic.intake, "R-1", fit()).await["subject_id"]);
    let path = format!("/v1/subjects/{subject}");
    let seen = clinic.staff.get(&path).await;
    let tag = seen.header("etag").to_owned();
    assert_eq!(seen.json()["contact"], contact("Ana Ruiz"));
    let changed = contact("Ana García");
    let place = format!("{path}/contact");
    clinic.staff.send(clinic.staff.request("PUT", &place).json(&changed)).await.expect(428);
    for bad in ["", "*", "W/\"1\"", "1", "\"x\""] {
        put(&clinic.staff, &place, bad, &changed).await.expect(400);
    }
    let answer = put(&clinic.staff, &place, &tag, &changed).await;
    assert_ne!(answer.header("etag"), tag);
    assert_eq!(answer.json()["contact"], changed);
    put(&clinic.staff, &place, &tag, &changed).await.expect(412);
    assert_eq!(put(&clinic.staff, &place, answer.header("etag"), &json!({"age": 1})).await.pointers(), ["/age"]);
    let withdrawn = consent(false, "2026-02-01T00:00:00Z");
    let place = format!("{path}/consent");
    let answer = put(&clinic.admin, &place, answer.header("etag"), &withdrawn).await;
    assert_eq!((&answer.json()["contact"], &answer.json()["consent"]), (&Value::Null, &withdrawn));
    let late = consent(true, "2126-02-01T00:00:00Z");
    assert_eq!(put(&clinic.staff, &place, answer.header("etag"), &late).await.pointers(), ["/given_at"]);
    let back = consent(true, "2026-03-01T00:00:00Z");
    put(&clinic.staff, &place, answer.header("etag"), &back).await.expect(200);

    let history = clinic.staff.get(&format!("{path}/history")).await.expect(200);
    let changes: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (id(&item["change"]), item["contact_before"].clone(), item["consent_before"].clone()))
        .collect();
    let given = consent(true, "2026-01-02T03:04:05Z");
    assert_eq!(
        changes,
        [
            ("consent".to_owned(), Value::Null, withdrawn),
            ("consent".to_owned(), Value::Null, given),
            ("contact".to_owned(), contact("Ana Ruiz"), Value::Null),
        ]
    );
    let page = clinic.staff.get(&format!("{path}/history?limit=2")).await.expect(200);
    let next = format!("{path}/history?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    let last = clinic.staff.get(&next).await.expect(200);
    assert_eq!((last["items"].as_array().unwrap().len(), &last["next_cursor"]), (1, &Value::Null));
    assert_eq!(last["items"][0], history["items"][2]);
}

#[tokio::test]
async fn the_history_contains_what_intake_overwrites_but_not_what_it_adds() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = id(&submit(&clinic.intake, "R-1", fit()).await["subject_id"]);
    submit(&clinic.intake, "R-1", fit()).await;
    let history = format!("/v1/subjects/{subject}/history");
    assert_eq!(clinic.staff.get(&history).await.expect(200)["items"], json!([]));
    let newer = json!({"answers": fit(), "subject": {"reference": "R-1", "contact": {"name": "Ana Soler"}}});
    let tag = clinic.staff.get(&format!("/v1/subjects/{subject}")).await.header("etag").to_owned();
    clinic.intake.submit(&newer).await.expect(201);
    let items = clinic.staff.get(&history).await.expect(200)["items"].clone();
    assert_eq!((items.as_array().unwrap().len(), &items[0]["contact_before"]), (1, &contact("Ana Ruiz")));
    // Staff with the earlier version cannot overwrite the change by intake.
    put(&clinic.staff, &format!("/v1/subjects/{subject}/contact"), &tag, &contact("X Y")).await.expect(412);
}

#[tokio::test]
async fn withdrawn_consent_hides_contact_data_everywhere_immediately() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = submit(&clinic.intake, "R-1", frail()).await;
    let subject = id(&receipt["subject_id"]);
    let path = format!("/v1/subjects/{subject}");
    let tag = clinic.staff.get(&path).await.header("etag").to_owned();
    let answer = put(&clinic.staff, &format!("{path}/contact"), &tag, &contact("Ana García")).await;
    let reads = [
        path.clone(),
        format!("{path}/history"),
        format!("{path}/submissions"),
        format!("/v1/follow-ups/{}", id(&receipt["follow_up"]["id"])),
        "/v1/follow-ups".to_owned(),
        format!("/v1/submissions/{}", id(&receipt["id"])),
    ];
    assert!(clinic.staff.get(&path).await.text.contains("García"));
    assert!(clinic.staff.get(&reads[1]).await.text.contains("Ana Ruiz"));
    let withdrawn = consent(false, "2026-02-01T00:00:00Z");
    put(&clinic.staff, &format!("{path}/consent"), answer.header("etag"), &withdrawn).await.expect(200);
    for read in &reads {
        let text = clinic.staff.get(read).await.text;
        assert!(!text.contains("Ana ") && !text.contains("111 222"), "{read}: {text}");
    }
    let found = clinic.staff.post("/v1/subjects/search", &json!({"name": "Ana García"})).await;
    assert_eq!(found.json()["items"][0]["id"], subject.as_str());
    assert!(!found.text.contains("García"), "{}", found.text);
    // A submission that still carries the older consent does not restore it, and new contact data is not shown.
    submit(&clinic.intake, "R-1", fit()).await;
    assert_eq!(clinic.staff.get(&path).await.json()["contact"], Value::Null);
}

#[tokio::test]
async fn two_subjects_merge_and_an_undo_restores_both() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (kept, merged) = (submit(&clinic.intake, "R-1", fit()).await, submit(&clinic.intake, "R-2", frail()).await);
    let (one, two) = (id(&kept["subject_id"]), id(&merged["subject_id"]));
    let (theirs, opened) = (id(&merged["id"]), id(&merged["follow_up"]["id"]));
    let done = merge(&clinic.staff, &one, &two).await.expect(200);
    assert_eq!((&done["submission_ids"], &done["follow_up_ids"]), (&json!([theirs]), &json!([opened])));
    assert_eq!(done["closed_follow_up_id"], Value::Null);
    assert_eq!(case(&clinic, &opened).await["subject_id"], one.as_str());
    assert_eq!(submissions(&clinic, &one).await.len(), 2);
    assert!(submissions(&clinic, &two).await.is_empty());
    assert_eq!(clinic.staff.get(&format!("/v1/subjects/{two}")).await.json()["merged_into"], one.as_str());
    // Any identifier of either finds the merged subject, once.
    for (by, text) in [("reference", "R-1"), ("reference", "R-2"), ("name", "ana ruiz"), ("telephone", "34600111222")] {
        let found = search(&clinic.staff, by, text).await;
        assert_eq!(found.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [one.as_str()], "{by} {text}");
    }
    // A later submission with the other reference belongs to the merged subject and joins the open follow-up.
    let later = submit(&clinic.intake, "R-2", frail()).await;
    assert_eq!((&later["subject_id"], &later["follow_up"]["joined"]), (&json!(one), &json!(true)));

    let undo = format!("/v1/subjects/{one}/merges/{}/undo", id(&done["id"]));
    let post = async |path: &str| clinic.staff.send(clinic.staff.request("POST", path)).await;
    post(&format!("/v1/subjects/{two}/merges/{}/undo", id(&done["id"]))).await.expect(404);
    let undone = post(&undo).await.expect(200);
    assert!(undone["undone_at"].is_string());
    post(&undo).await.expect(409);
    assert_eq!(submissions(&clinic, &two).await, [theirs]);
    assert_eq!(submissions(&clinic, &one).await, [id(&later["id"]), id(&kept["id"])]);
    assert_eq!(case(&clinic, &opened).await["subject_id"], two.as_str());
    // A submission that joined after the merge stays with its subject, which gets a follow-up.
    let own =
        clinic.staff.get(&format!("/v1/submissions/{}", id(&later["id"]))).await.json()["follow_up"]["id"].clone();
    assert_ne!(own, opened.as_str());
    let own = case(&clinic, &id(&own)).await;
    assert_eq!((&own["subject_id"], &own["state"]), (&json!(one), &json!("open")));
    assert_eq!(search(&clinic.staff, "reference", "R-2").await[0]["id"], two.as_str());
    for subject in [&one, &two] {
        let items = clinic.staff.get(&format!("/v1/subjects/{subject}/history")).await.expect(200)["items"].clone();
        let changes: Vec<_> = items.as_array().unwrap().iter().map(|item| id(&item["change"])).collect();
        assert_eq!(changes[..2], ["unmerge", "merge"], "{subject}");
    }
    let crossing = "select count(*) from submissions s join follow_ups f using (clinic_id, follow_up_id)
        where s.subject_id <> f.subject_id";
    assert_eq!(world.count(crossing).await, 0);
}

#[tokio::test]
async fn merging_two_open_follow_ups_keeps_one_with_the_higher_urgency_and_earlier_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut urgent = frail();
    urgent["new_breathing_trouble_or_chest_pain"] = json!(true);
    let second = submit(&clinic.intake, "R-2", urgent).await;
    world.clock.advance(3600);
    let first = submit(&clinic.intake, "R-1", frail()).await;
    let (one, two) = (id(&first["subject_id"]), id(&second["subject_id"]));
    let (keeping, closing) = (id(&first["follow_up"]["id"]), id(&second["follow_up"]["id"]));
    assert_eq!(second["follow_up"]["urgency"], "today");
    let before = (case(&clinic, &keeping).await, case(&clinic, &closing).await);
    assert_ne!(before.0["urgency"], "today");
    let done = merge(&clinic.staff, &one, &two).await.expect(200);
    assert_eq!(done["closed_follow_up_id"], closing.as_str());
    let (stays, closed) = (case(&clinic, &keeping).await, case(&clinic, &closing).await);
    assert_eq!((&stays["urgency"], &stays["state"]), (&json!("today"), &json!("open")));
    assert_eq!(stays["flagged_at"], before.1["flagged_at"]);
    assert_eq!((&closed["state"], &closed["subject_id"]), (&json!("closed"), &json!(one)));
    let gathered = "select count(*) from follow_ups f where state = 'open'
        and due_at = (select min(due_at) from follow_ups)
        and findings @> (select findings from follow_ups where state = 'closed')";
    assert_eq!(world.count(gathered).await, 1);
    let events = "select count(*) from follow_up_events where command = 'merge'";
    assert_eq!(world.count(events).await, 2);
    let undo = format!("/v1/subjects/{one}/merges/{}/undo", id(&done["id"]));
    clinic.staff.send(clinic.staff.request("POST", &undo)).await.expect(200);
    let back = case(&clinic, &closing).await;
    assert_eq!((&back["state"], &back["subject_id"]), (&json!("open"), &json!(two)));

    // A follow-up that staff reopened and closed after the merge returns to its subject, and stays closed.
    let done = merge(&clinic.staff, &one, &two).await.expect(200);
    for (case_id, command) in [(&keeping, "close"), (&closing, "reopen"), (&closing, "close")] {
        let path = format!("/v1/follow-ups/{case_id}");
        let tag = format!("\"{}\"", case(&clinic, case_id).await["version"]);
        let body =
            if command == "close" { json!({"outcome": "not_needed", "not_needed_reason": "other"}) } else { json!({}) };
        let request = clinic.staff.request("POST", &format!("{path}/{command}")).header("if-match", tag).json(&body);
        clinic.staff.send(request).await.expect(200);
    }
    let undo = format!("/v1/subjects/{one}/merges/{}/undo", id(&done["id"]));
    clinic.staff.send(clinic.staff.request("POST", &undo)).await.expect(200);
    assert_eq!(case(&clinic, &closing).await["state"], "closed");
}

/// The open follow-up of the subject, if it has one.
async fn open_case(clinic: &Clinic, subject: &str) -> Option<Value> {
    let page = clinic.staff.get(&format!("/v1/follow-ups?subject_id={subject}")).await.expect(200);
    page["items"].as_array().unwrap().first().cloned()
}

#[tokio::test]
async fn every_flagged_subject_has_an_open_follow_up_in_whatever_order_merges_are_undone() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let kept = id(&submit(&clinic.intake, "R-1", fit()).await["subject_id"]);
    let mut flagged = Vec::new();
    for reference in ["R-2", "R-3", "R-4"] {
        let receipt = submit(&clinic.intake, reference, frail()).await;
        flagged.push((id(&receipt["subject_id"]), id(&receipt["follow_up"]["id"])));
    }
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut undos = Vec::new();
        for (subject, _) in &flagged {
            let done = merge(&clinic.staff, &kept, subject).await.expect(200);
            undos.push(format!("/v1/subjects/{kept}/merges/{}/undo", id(&done["id"])));
            world.clock.advance(60);
        }
        for (number, index) in order.into_iter().enumerate() {
            clinic.staff.send(clinic.staff.request("POST", &undos[index])).await.expect(200);
            let own = open_case(&clinic, &flagged[index].0).await.expect("an open follow-up of the subject that left");
            assert_eq!(own["id"], flagged[index].1.as_str());
            let versions = clinic.staff.get(&format!("/v1/follow-ups/{}/history", id(&own["id"]))).await.expect(200);
            assert_eq!(versions["items"].as_array().unwrap().last().unwrap()["command"], "unmerge");
            assert_eq!(open_case(&clinic, &kept).await.is_some(), number < 2, "{order:?}, after {index}");
        }
    }
    let crossing = "select count(*) from submissions s join follow_ups f using (clinic_id, follow_up_id)
        where s.subject_id <> f.subject_id";
    assert_eq!(world.count(crossing).await, 0);
}

#[tokio::test]
async fn a_merged_subject_cannot_be_merged_again_and_a_retry_merges_once() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut persons = Vec::new();
    for reference in ["R-1", "R-2", "R-3"] {
        persons.push(id(&submit(&clinic.intake, reference, fit()).await["subject_id"]));
    }
    let [one, two, three] = &persons[..] else { panic!("three") };
    assert_eq!(merge(&clinic.staff, one, one).await.pointers(), ["/merged"]);
    let unknown = "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    assert_eq!(merge(&clinic.staff, one, unknown).await.pointers(), ["/merged"]);
    let path = format!("/v1/subjects/{one}/merge");
    let tag = clinic.staff.get(&format!("/v1/subjects/{one}")).await.header("etag").to_owned();
    let send = async |key: &str, merged: &str| {
        let request = clinic.staff.request("POST", &path).header("if-match", &tag).header("idempotency-key", key);
        clinic.staff.send(request.json(&json!({"merged": merged}))).await
    };
    let first = send("k", two).await;
    let again = send("k", two).await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    let (first, again) = (first.expect(200), again.expect(200));
    assert_eq!(again, first);
    assert_eq!(send("k", three).await.expect(422)["type"], "/docs/problems#idempotency_key_reused");
    send("another", three).await.expect(412);
    assert_eq!(world.count("select count(*) from subject_merges").await, 1);
    for (kept, merged) in [(three, two), (two, three), (three, one)] {
        merge(&clinic.staff, kept, merged).await.expect(409);
    }
    let changed = put(&clinic.staff, &format!("/v1/subjects/{two}/contact"), "\"3\"", &contact("X Y")).await;
    assert!([409, 412].contains(&changed.status));
    let undo = format!("/v1/subjects/{one}/merges/{}/undo", id(&first["id"]));
    let undo_once = async || {
        let request = clinic.staff.request("POST", &undo).header("idempotency-key", "u");
        clinic.staff.send(request).await
    };
    let (undone, again) = (undo_once().await, undo_once().await);
    assert_eq!((undone.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(undone.expect(200), again.expect(200));
    // After the undo, a retry of the merge still has the first response.
    assert_eq!(send("k", two).await.expect(200), first);
    merge(&clinic.staff, three, two).await.expect(200);
    let newer = "select count(*) from audit_entries where outcome = 'success' and action in ('subjects_merged', 'merge_undone')";
    assert_eq!(world.count(newer).await, 3);
}

#[tokio::test]
async fn a_withdrawal_with_either_reference_applies_to_the_merged_subject() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let one = id(&submit(&clinic.intake, "R-1", fit()).await["subject_id"]);
    let withdrawn = json!({"reference": "R-2", "consent": consent(false, "2026-02-01T00:00:00Z")});
    let two = clinic.intake.submit(&json!({"answers": fit(), "subject": withdrawn})).await.expect(201);
    merge(&clinic.staff, &one, &id(&two["subject_id"])).await.expect(200);
    let shown = clinic.staff.get(&format!("/v1/subjects/{one}")).await.json();
    assert_eq!((&shown["consent"]["to_contact"], &shown["contact"]), (&json!(false), &Value::Null));
}
