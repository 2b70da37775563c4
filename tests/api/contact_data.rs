//! Contact data never refuses a submission: it is kept as far as it has one meaning, and `warnings` lists what was not kept, the
//! same in the receipt, in a retry, in a batch and in a later read.

use serde_json::{Value, json};

use crate::world::{Answer, Clinic, User, World, frail};

/// A part of contact data: field, text, what is kept of it, and the codes of the warnings.
type Part = (&'static str, &'static str, Option<&'static str>, &'static [&'static str]);

const PARTS: [Part; 44] = [
    ("telephone", "+34 600 111 222;ext=12", Some("+34 600 111 222;ext=12"), &[]),
    ("telephone", "+34 600 111 222 x 12", Some("+34 600 111 222;ext=12"), &[]),
    ("telephone", "+34 600 111 222x12", Some("+34 600 111 222;ext=12"), &[]),
    ("telephone", "600 111 222 ext. 7", Some("600 111 222;ext=7"), &[]),
    ("telephone", "600 111 222 extensión 7", Some("600 111 222;ext=7"), &[]),
    ("telephone", "600 111 222 (Ext. 7)", Some("600 111 222;ext=7"), &[]),
    ("telephone", "91 555 01 02 int. 4", Some("91 555 01 02;ext=4"), &[]),
    ("telephone", "600 111 222 #7", Some("600 111 222;ext=7"), &[]),
    ("telephone", "  +34  600 111 222 ", Some("+34 600 111 222"), &[]),
    ("telephone", "tel:+34-600-111-222;ext=12", Some("+34-600-111-222;ext=12"), &[]),
    ("telephone", "\u{202a}+34 600 111 222\u{202c}", Some("+34 600 111 222"), &[]),
    ("telephone", "+34\u{a0}600\u{2011}111\u{2011}222", Some("+34 600-111-222"), &[]),
    ("telephone", "+٣٤ ٦٠٠ ١١١ ٢٢٢", Some("+34 600 111 222"), &[]),
    ("telephone", "＋３４（６００）１１１２２２", Some("+34(600)111222"), &[]),
    ("telephone", "600 111 222 (hija)", None, &["telephone_not_kept"]),
    ("telephone", "6OO 111 222", None, &["telephone_not_kept"]),
    ("telephone", "no tiene", None, &["telephone_not_kept"]),
    ("telephone", "1-800-FLOWERS", None, &["telephone_not_kept"]),
    ("telephone", "112", None, &["telephone_not_kept"]),
    ("telephone", "600111222600111222600", None, &["telephone_not_kept"]),
    ("telephone", "", None, &[]),
    ("email", " ana@mail.example\n", Some("ana@mail.example"), &[]),
    ("email", "josé@correo.example", Some("josé@correo.example"), &[]),
    ("email", "ana@bücher.example", Some("ana@bücher.example"), &[]),
    ("email", "अजय@उदाहरण.example", Some("अजय@उदाहरण.example"), &[]),
    ("email", "MAILTO:ana@mail.example", Some("ana@mail.example"), &[]),
    ("email", "Ana Ruiz <ana@mail.example>", Some("ana@mail.example"), &["email_address_only"]),
    ("email", "ana(at)mail.example", None, &["email_not_kept"]),
    ("email", "ana@mail.example, luis@mail.example", None, &["email_not_kept"]),
    ("email", "ana@mail..example", None, &["email_not_kept"]),
    ("name", "  Ana \t García\nRuiz ", Some("Ana García Ruiz"), &[]),
    ("name", "Ana\u{7} Ruiz", Some("Ana Ruiz"), &["name_cleaned"]),
    ("name", "Ana\u{0}", Some("Ana"), &["name_cleaned"]),
    ("name", " ", None, &[]),
    ("language", "es-MX", Some("es"), &[]),
    ("language", "ES_mx", Some("es"), &[]),
    ("language", "spa", Some("es"), &[]),
    ("language", " en-GB ", Some("en"), &[]),
    ("language", "ca", None, &["language_not_kept"]),
    ("language", "Klingon\u{0}", None, &["language_not_kept"]),
    ("channel", "Phone", Some("telephone"), &[]),
    ("channel", "E-Mail", Some("email"), &[]),
    ("channel", "whatsapp", None, &["channel_not_kept"]),
    ("channel", "", None, &[]),
];

/// Contact data with what is kept of it and the codes of its warnings.
fn cases() -> Vec<(Value, Value, Vec<&'static str>)> {
    let parts = PARTS.iter().map(|(field, text, kept, codes)| {
        let kept = kept.map_or_else(|| json!({}), |kept| json!({*field: kept}));
        (json!({*field: text}), kept, codes.to_vec())
    });
    let long = json!({"name": "ñ".repeat(300), "telephone": "+34 600 111 222"});
    let kept = json!({"name": "ñ".repeat(200), "telephone": "+34 600 111 222"});
    let unreadable = json!({"name": "\u{7}", "telephone": "x", "email": "x", "channel": "x", "language": "x"});
    let all = ["name_cleaned", "telephone_not_kept", "email_not_kept", "channel_not_kept", "language_not_kept"];
    let none = json!({"name": null, "telephone": null, "email": null, "channel": null, "language": null});
    let whole = [
        (long, kept, vec!["name_shortened"]),
        (unreadable, json!({}), all.to_vec()),
        (none, json!({}), vec![]),
        (json!({}), json!({}), vec![]),
    ];
    parts.chain(whole).collect()
}

/// Contact data as a read returns it: each field, or null if none is kept.
fn shown(kept: &Value) -> Value {
    let mut whole = json!({"name": null, "telephone": null, "email": null, "channel": null, "language": null});
    let kept = kept.as_object().unwrap().clone();
    if kept.is_empty() {
        return Value::Null;
    }
    whole.as_object_mut().unwrap().extend(kept);
    whole
}

fn submission(reference: &str, contact: &Value) -> Value {
    let consent = json!({"to_contact": true, "text_version": "2026-01", "given_at": "2026-01-02T03:04:05Z"});
    json!({"answers": frail(), "subject": {"reference": reference, "contact": contact, "consent": consent}})
}

fn codes(receipt: &Value) -> Vec<&str> {
    receipt["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

async fn contact_of(clinic: &Clinic, reference: &str) -> Value {
    let found = clinic.staff.post("/v1/subjects/search", &json!({"reference": reference})).await.expect(200);
    found["items"][0]["contact"].clone()
}

async fn read(user: &User, receipt: &Value, language: &str) -> Answer {
    let path = format!("/v1/submissions/{}", receipt["id"].as_str().unwrap());
    user.send(user.request("GET", &path).header("accept-language", language)).await
}

#[tokio::test]
async fn unusual_contact_data_is_taken_and_what_is_not_kept_is_reported() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let cases = cases();
    for (number, (sent, kept, wanted)) in cases.iter().enumerate() {
        let reference = format!("C-{number}");
        let receipt = clinic.intake.submit(&submission(&reference, sent)).await.expect(201);
        assert_eq!(codes(&receipt), *wanted, "{sent}");
        assert_eq!(contact_of(&clinic, &reference).await, shown(kept), "{sent}");
        let stored = read(&clinic.intake, &receipt, "en").await.expect(200);
        assert_eq!((&stored["answers"], &stored["warnings"]), (&frail(), &receipt["warnings"]), "{sent}");
        println!("{sent} -> 201, {kept}, {wanted:?}");
    }
    println!("{} bodies", cases.len());
    assert!(cases.len() >= 40);
    let stored = i64::try_from(cases.len()).unwrap();
    assert_eq!(world.count("select count(*) from submissions").await, stored);
    assert_eq!(world.count("select count(*) from follow_ups").await, stored);
}

#[tokio::test]
async fn a_warning_says_what_to_send_in_the_language_of_the_response_and_repeats_nothing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let contact = json!({"name": "Zylberstein\u{7}", "telephone": "Zylberstein", "email": "Zylberstein",
        "channel": "Zylberstein", "language": "Zylberstein"});
    let answer = clinic.intake.submit(&submission("R-1", &contact)).await;
    assert!(!answer.text.contains("Zylberstein"), "{}", answer.text);
    let receipt = answer.expect(201);
    let pointers: Vec<_> = receipt["warnings"].as_array().unwrap().iter().map(|warning| &warning["pointer"]).collect();
    let fields = ["name", "telephone", "email", "channel", "language"];
    assert_eq!(pointers, fields.map(|field| json!(format!("/subject/contact/{field}"))).each_ref());
    assert_eq!(
        receipt["warnings"][4]["text"].as_str().unwrap().rsplit_once(". "),
        Some(("The preferred language was not kept, because the service has no texts in it", "Send en or es.",))
    );
    // An intake key and staff read the same warnings, in the language that they ask for.
    for user in [&clinic.intake, &clinic.staff] {
        let spanish = read(user, &receipt, "es").await;
        assert!(!spanish.text.contains("Zylberstein"), "{}", spanish.text);
        let spanish = spanish.expect(200);
        assert_eq!(codes(&spanish), codes(&receipt));
        for warning in spanish["warnings"].as_array().unwrap() {
            assert!(warning["text"].as_str().unwrap().contains("Envíe"), "{warning}");
        }
        assert_eq!(read(user, &receipt, "en").await.expect(200)["warnings"], receipt["warnings"]);
    }
}

#[tokio::test]
async fn a_retry_and_a_batch_have_the_same_warnings() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = submission("R-1", &json!({"telephone": "600 111 222 (hija)", "language": "ca"}));
    let first = clinic.intake.submit_once("once", &body).await.expect(201);
    assert_eq!(codes(&first), ["telephone_not_kept", "language_not_kept"]);
    let retry = clinic.intake.submit_once("once", &body).await;
    assert_eq!(retry.header("idempotent-replayed"), "true");
    assert_eq!(retry.expect(201), first);
    let other = submission("R-2", &json!({"email": "Ana <ana@mail.example>"}));
    let plain = submission("R-3", &json!({"telephone": "600 111 222"}));
    let items = [
        json!({"idempotency_key": "once", "submission": body}),
        json!({"idempotency_key": "other", "submission": other}),
        json!({"idempotency_key": "plain", "submission": plain}),
    ];
    let batch = async || clinic.intake.post("/v1/submissions/batch", &json!({"items": items})).await.expect(200);
    let results = batch().await;
    let warnings = |place: usize| codes(&results["items"][place]["submission"]);
    assert_eq!(results["items"][0]["submission"]["warnings"], first["warnings"]);
    assert_eq!((warnings(1), warnings(2)), (vec!["email_address_only"], vec![]));
    assert_eq!(batch().await, results);
    assert_eq!(world.count("select count(*) from submissions").await, 3);
}

#[tokio::test]
async fn unknown_fields_and_wrong_types_of_contact_data_are_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let cases = [
        (json!({"phone": "600 111 222"}), "/phone", "unknown_field"),
        (json!({"telephone": 600_111_222}), "/telephone", "type"),
        (json!({"name": ["Ana"]}), "/name", "type"),
        (json!({"email": {"address": "ana@mail.example"}}), "/email", "type"),
        (json!({"channel": true}), "/channel", "type"),
        (json!({"language": 34}), "/language", "type"),
        (json!("600 111 222"), "", "type"),
        (json!([]), "", "type"),
    ];
    for (contact, field, code) in cases {
        let refused = clinic.intake.submit(&submission("R-1", &contact)).await;
        assert_eq!(refused.pointers(), [format!("/subject/contact{field}")], "{contact}");
        assert_eq!(refused.expect(422)["errors"][0]["code"], code, "{contact}");
    }
    // Other parts of the subject stay strict.
    let mut body = submission("R-1", &json!({"telephone": "x"}));
    body["subject"]["consent"]["text_version"] = json!(" ");
    assert_eq!(clinic.intake.submit(&body).await.pointers(), ["/subject/consent/text_version"]);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn staff_get_a_fault_instead_of_a_warning() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let sent = json!({"name": "Ana", "telephone": "600 111 222 x 12", "email": "josé@bücher.example"});
    let subject = clinic.intake.submit(&submission("R-1", &sent)).await.expect(201)["subject_id"].clone();
    let path = format!("/v1/subjects/{}", subject.as_str().unwrap());
    let seen = clinic.staff.get(&path).await;
    let put = async |contact: &Value| {
        let request = clinic.staff.request("PUT", &format!("{path}/contact"));
        clinic.staff.send(request.header("if-match", seen.header("etag")).json(contact)).await
    };
    for (field, text) in [
        ("telephone", "600 111 222 x 12"),
        ("telephone", "600 111 222 (hija)"),
        ("email", " ana@mail.example"),
        ("email", "Ana <ana@mail.example>"),
        ("name", "Ana\u{7}"),
        ("language", "es-MX"),
        ("language", "ca"),
        ("channel", "Phone"),
    ] {
        let refused = put(&json!({field: text})).await;
        assert_eq!(refused.pointers(), [format!("/{field}")], "{text}");
        refused.expect(422);
    }
    // Staff can send what they have read.
    let contact = seen.json()["contact"].clone();
    assert_eq!(contact["telephone"], "600 111 222;ext=12");
    assert_eq!(put(&contact).await.expect(200)["contact"], contact);
}

#[tokio::test]
async fn a_number_with_an_extension_is_found_without_it() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.intake.submit(&submission("R-1", &json!({"telephone": "+34 600 111 222 x 12"}))).await.expect(201);
    for text in ["+34600111222", "0034 600 111 222", "+34 600 111 222;ext=12", "+34 600 111 222 ext. 99"] {
        let found = clinic.staff.post("/v1/subjects/search", &json!({"telephone": text})).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{text}");
    }
}
