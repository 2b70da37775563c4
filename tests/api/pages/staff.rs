//! The pages of staff: worklist and case in each state and both languages, who may see them, what they record.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::html::{Element, Page};
use super::sign_in::{Browser, form, key};
use super::{LANGUAGES, in_language};
use crate::audit::{entries_of, fresh_id};
use crate::follow_ups::{Colleague, act, hours_ahead, open, seed};
use crate::world::{Clinic, User, World, fit, frail};

pub(super) const CONTACT: &str = "María Núñez";

/// A browser in which this user is signed in.
pub(super) async fn signed_in(world: &World, user: &User) -> Browser {
    let mut browser = Browser::new(world);
    let answer = browser.sign_in(&key(user)).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    browser
}

/// Loads a page of staff and checks its headers and its HTML.
pub(super) async fn show(browser: &mut Browser, address: &str) -> Page {
    let answer = browser.get(address).await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store", "{address}");
    Page::of(answer, address)
}

/// The page of a follow-up that the API names.
pub(super) fn case_page(path: &str) -> String {
    path.replace("/v1/follow-ups/", "/staff/cases/")
}

/// The elements of the form with this action.
fn form_of<'a>(page: &'a Page, action: &str) -> &'a [Element] {
    let fits = |element: &Element| {
        let path = element.get("action").and_then(|action| action.split('?').next());
        element.name == "form" && path == Some(action)
    };
    let first = page.elements.iter().position(fits).unwrap_or_else(|| panic!("no form {action}"));
    let rest = &page.elements[first + 1..];
    &rest[..rest.iter().position(|element| element.name == "form").unwrap_or(rest.len())]
}

/// The fields of a form as a browser sends them when nothing is changed, without its buttons.
pub(super) fn fields(page: &Page, action: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut list = String::new();
    for element in form_of(page, action) {
        let value = element.get("value").unwrap_or_default().to_owned();
        match (&*element.name, element.get("name")) {
            ("input", Some(name)) if element.get("type") != Some("checkbox") => {
                drop(fields.insert(name.to_owned(), value));
            }
            ("textarea", Some(name)) => drop(fields.insert(name.to_owned(), element.text.clone())),
            ("select", Some(name)) => name.clone_into(&mut list),
            ("option", _) if element.get("selected").is_some() || !fields.contains_key(&list) => {
                fields.insert(list.clone(), value);
            }
            _ => {}
        }
    }
    fields
}

/// A flagged submission of a person with contact data; returns the receipt.
pub(super) async fn flagged(clinic: &Clinic, reference: &str, to_contact: bool) -> Value {
    let consent = json!({"to_contact": to_contact, "text_version": "1", "given_at": "2026-01-02T03:04:05Z"});
    let contact = json!({"name": CONTACT, "telephone": "+34 600 111 222", "email": "maria@mail.example"});
    let subject = json!({"reference": reference, "contact": contact, "consent": consent});
    clinic.intake.submit(&json!({"answers": frail(), "subject": subject})).await.expect(201)
}

pub(super) fn case_of(receipt: &Value) -> String {
    format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap())
}

#[tokio::test]
async fn every_page_is_sound_in_both_languages_in_every_state_of_a_case() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let me = Colleague::of(&world, &clinic).await;
    let mut browser = signed_in(&world, &me.user).await;
    let receipt = flagged(&clinic, "R-1", true).await;
    let case = case_of(&receipt);
    let subject = receipt["subject_id"].as_str().unwrap();
    clinic.intake.submit(&json!({"answers": fit(), "subject": {"reference": "R-1"}})).await.expect(201);
    let lists = ["/staff", "/staff?state=closed", "/staff?origin=self_reported", "/staff?urgency=today&order=due"];
    let others =
        ["/staff/search", "/staff/statistics", "/staff/statistics?from=2026-01-02&to=2026-01-01", "/staff/exports"];
    let mut addresses: Vec<String> = lists.into_iter().chain(others).map(str::to_owned).collect();
    addresses.push(format!("/staff?subject_id={subject}&state=open,closed"));
    let at = hours_ahead(&world, 48);
    let steps = [
        ("", json!({})),
        ("claim", json!({"note": "First"})),
        ("contact", json!({"reached": false})),
        ("contact", json!({"reached": true, "note": "Will <b>call</b> back"})),
        ("book", json!({"appointment_at": at})),
        ("close", json!({"outcome": "attended", "diagnosis": "probable", "grip_strength_kg": 14.5})),
        ("reopen", json!({})),
    ];
    for (version, (command, body)) in (0..).zip(steps) {
        if !command.is_empty() {
            act(&me.user, &case, command, version, &body).await.expect(200);
        }
        let mut shown = vec![case_page(&case)];
        if version == 0 {
            shown.append(&mut addresses);
        }
        for address in shown {
            for language in LANGUAGES {
                let address = in_language(&address, language);
                let answer = browser.get(&address).await;
                let expected = if address.contains("to=2026-01-01") { 400 } else { 200 };
                assert_eq!(answer.status, expected, "{address}: {}", answer.text);
                assert_eq!(answer.header("cache-control"), "no-store", "{address}");
                let page = Page::of(answer, &address);
                assert_eq!(page.language(), language, "{command} {address}");
                let head = page.elements.iter().find(|element| element.get("class") == Some("staff-nav")).unwrap();
                assert!(head.text.contains("staff, One"), "{address}: {}", head.text);
            }
        }
    }
    let page = show(&mut browser, &in_language(&case_page(&case), "en")).await;
    for text in ["R-1 · María Núñez", "Will <b>call</b> back", "Attempt to reach the person: Not reached"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
}

#[tokio::test]
async fn a_row_says_who_why_by_when_and_whose_and_the_filters_are_in_the_address() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let me = Colleague::of(&world, &clinic).await;
    let mut browser = signed_in(&world, &me.user).await;
    let case = case_of(&flagged(&clinic, "R-1", true).await);
    open(&clinic).await;
    act(&me.user, &case, "claim", 1, &json!({})).await.expect(200);
    let api = me.user.get("/v1/follow-ups?assignee=me").await.expect(200);
    let page = show(&mut browser, "/staff?assignee=me&lang=en").await;
    let [row] = &page.texts("entry")[..] else { panic!("{:?}", page.texts("entry")) };
    for text in ["R-1 · María Núñez", "assigned", "you", "80 to 89 years old"] {
        assert!(row.contains(text), "{text}: {row}");
    }
    for reason in api["items"][0]["reasons"].as_array().unwrap() {
        assert!(row.contains(reason["text"].as_str().unwrap()), "{reason}: {row}");
    }
    let due: jiff::Timestamp = api["items"][0]["due_at"].as_str().unwrap().parse().unwrap();
    let stamp = jiff::Timestamp::from_second(due.as_second()).unwrap().to_string();
    let times: Vec<_> = page.elements.iter().filter_map(|element| element.get("datetime")).collect();
    assert!(times.contains(&&*stamp), "{times:?}");
    let rows =
        async |browser: &mut Browser, query: &str| show(browser, &format!("/staff?{query}")).await.texts("entry").len();
    for (query, count) in [
        ("", 2),
        ("state=open", 1),
        ("state=&urgency=&assignee=none&overdue=&origin=&order=oldest", 1),
        ("origin=self_reported", 1),
        ("overdue=true", 0),
        ("state=closed", 0),
    ] {
        assert_eq!(rows(&mut browser, query).await, count, "{query}");
    }
    for faulty in ["state=none", "urgency=1", "limit=0", "nothing=1", "cursor=abc"] {
        assert_eq!(browser.get(&format!("/staff?{faulty}")).await.status, 400, "{faulty}");
    }
}

/// Answers after an emergency do not hide it.
#[tokio::test]
async fn a_case_begins_with_its_most_urgent_answers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut signs = frail();
    signs["new_one_sided_weakness"] = json!(true);
    let send = async |answers: Value| {
        let subject = json!({"reference": "R-1"});
        clinic.intake.submit(&json!({"answers": answers, "subject": subject})).await.expect(201)
    };
    let case = case_of(&send(signs).await);
    assert_eq!(case_of(&send(frail()).await), case);
    let mut browser = signed_in(&world, &clinic.staff).await;
    for address in ["/staff?lang=en", &*in_language(&case_page(&case), "en")] {
        let page = show(&mut browser, address).await;
        let first = page.elements.iter().find(|element| element.get("data-level").is_some()).unwrap();
        assert_eq!(first.get("data-level"), Some("emergency_ambulance"), "{address}");
        assert_eq!(first.text, "Call an ambulance now", "{address}");
    }
}

#[tokio::test]
async fn pages_of_the_list_follow_each_other_without_a_gap() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, 60).await;
    let mut browser = signed_in(&world, &clinic.staff).await;
    let (mut address, mut sizes, mut seen) = ("/staff?order=oldest".to_owned(), Vec::new(), Vec::new());
    loop {
        let page = show(&mut browser, &address).await;
        let cases = page.elements.iter().filter(|element| element.get("data-case").is_some());
        seen.extend(cases.map(|case| case.get("href").unwrap().split('?').next().unwrap().to_owned()));
        sizes.push(page.texts("entry").len());
        let next = page.elements.iter().find(|element| element.get("rel") == Some("next"));
        let Some(next) = next else { break };
        next.get("href").unwrap().clone_into(&mut address);
    }
    seen.sort();
    seen.dedup();
    assert_eq!((sizes, seen.len()), (vec![25, 25, 10], 60));
}

#[tokio::test]
async fn without_consent_a_case_shows_no_contact_data_and_says_what_to_do() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = flagged(&clinic, "R-1", false).await;
    let mut browser = signed_in(&world, &clinic.staff).await;
    let page = case_page(&case_of(&receipt));
    let code = receipt["receipt_code"].as_str().unwrap();
    for (address, text) in [(page.as_str(), "Do not call or write."), ("/staff", "R-1"), (page.as_str(), &code[..4])] {
        let shown = show(&mut browser, &in_language(address, "en")).await;
        assert!(shown.text().contains(text), "{address}: {text}");
        for hidden in [CONTACT, "600 111", "600111", "maria@mail.example"] {
            assert!(!shown.answer.text.contains(hidden), "{address}: {hidden}");
        }
    }
    let allowed = case_page(&case_of(&flagged(&clinic, "R-2", true).await));
    let shown = show(&mut browser, &allowed).await;
    assert!(shown.links().contains(&"tel:+34600111222".to_owned()), "{:?}", shown.links());
    assert!(shown.text().contains("maria@mail.example"));
}

#[tokio::test]
async fn a_page_belongs_to_the_staff_of_its_clinic() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let case = case_page(&case_of(&flagged(&clinic, "R-1", true).await));
    for address in
        ["/staff", "/staff/search", "/staff/statistics", "/staff/exports", "/staff/exports/follow-ups", &*case]
    {
        let answer = Browser::new(&world).get(address).await;
        assert_eq!(answer.status, 303, "{address}");
        assert!(answer.header("location").starts_with("/staff/sign-in"), "{address}");
    }
    let mut stranger = signed_in(&world, &other.admin).await;
    for (language, text) in LANGUAGES.into_iter().zip(["There is no such case", "Este caso no existe"]) {
        for address in [case.clone(), format!("/staff/cases/{}", Uuid::nil())] {
            let answer = stranger.get(&in_language(&address, language)).await;
            assert_eq!(answer.status, 404, "{address}");
            assert!(Page::of(answer, &address).text().contains(text), "{address}");
        }
        let claim = in_language(&format!("{case}/claim"), language);
        let answer = stranger.post(&claim, &[("version", "1")]).await;
        assert_eq!(answer.status, 404);
        assert!(Page::of(answer, &claim).text().contains(text));
    }
    assert_eq!(stranger.get("/staff/cases/none").await.status, 404);
    assert_eq!(stranger.get("/staff/cases/none/claim").await.status, 405);
    assert_eq!(show(&mut stranger, "/staff").await.texts("entry").len(), 0);
    // A cookie means nothing to the API.
    assert_eq!(stranger.get("/v1/follow-ups").await.status, 401);
}

#[tokio::test]
async fn a_form_of_another_site_has_no_effect() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let case = open(&clinic).await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let id = case.rsplit('/').next().unwrap();
    let commands =
        ["claim", "release", "reassign", "contact", "book", "unbook", "did_not_attend", "close", "reopen", "note"];
    let paths = commands.map(|command| format!("{}/{command}", case_page(&case)));
    for path in paths.into_iter().chain(["/staff/next", "/staff/close", "/staff/search"].map(str::to_owned)) {
        let given = [
            ("version", "1"),
            ("note", "x"),
            ("id", id),
            ("not_needed_reason", "other"),
            ("by", "name"),
            ("text", "x"),
        ];
        for site in ["cross-site", "same-site", "none"] {
            let request = form(browser.request("POST", &path), &given).header("sec-fetch-site", site);
            assert_eq!(browser.send(request).await.status, 403, "{path} {site}");
        }
    }
    assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], 1);
}

/// The actions that a request added to the audit log, in alphabetical order, with their subjects.
async fn recorded(world: &World, browser: &mut Browser, address: &str) -> (u16, Vec<String>, usize) {
    let id = fresh_id();
    let answer = browser.send(browser.request("GET", address).header("x-request-id", id.to_string())).await;
    let entries = entries_of(&mut world.connect().await, id).await;
    let mut actions: Vec<_> = entries.iter().map(|entry| format!("{} {}", entry.action, entry.outcome)).collect();
    actions.sort();
    (answer.status, actions, entries.iter().map(|entry| entry.subjects.len()).sum())
}

#[tokio::test]
async fn each_page_adds_exactly_its_own_audit_entries() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let case = case_page(&case_of(&flagged(&clinic, "R-1", true).await));
    flagged(&clinic, "R-2", true).await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let whole = "follow_up_history_read,follow_up_read,subject_read,subject_submissions_listed";
    let missing = format!("/staff/cases/{}", Uuid::nil());
    for (address, status, actions, outcome, subjects) in [
        ("/staff", 200, "follow_ups_listed", "success", 2),
        ("/staff?state=closed", 200, "follow_ups_listed", "success", 0),
        (&*case, 200, whole, "success", 4),
        (&*missing, 404, "follow_up_read", "not_found", 0),
        ("/staff/search", 200, "", "", 0),
        ("/staff/statistics", 200, "stats_read", "success", 0),
        ("/staff/exports", 200, "", "", 0),
        ("/staff/exports/follow-ups?format=csv", 200, "follow_ups_exported", "success", 0),
        ("/staff/exports/submissions", 200, "submissions_exported", "success", 0),
        ("/staff/changes?since=2026-01-01T00:00:00Z", 200, "", "", 0),
    ] {
        let actions = actions.split(',').filter(|action| !action.is_empty());
        let expected: Vec<_> = actions.map(|action| format!("{action} {outcome}")).collect();
        assert_eq!(recorded(&world, browser, address).await, (status, expected, subjects), "{address}");
    }
}

#[tokio::test]
async fn an_hour_with_the_worklist_open_adds_no_audit_entry_and_a_change_is_news() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let case = open(&clinic).await;
    let browser = &mut signed_in(&world, &clinic.staff).await;
    let page = show(browser, "/staff").await;
    let line = page.elements.iter().find(|element| element.get("data-news").is_some()).unwrap();
    let (address, seen) = (line.get("data-news").unwrap().to_owned(), line.get("data-seen").unwrap().to_owned());
    let count = "select (select count(*) from audit_entries) + (select count(*) from audit_pending)";
    let before = world.count(count).await;
    for _ in 0..120 {
        let answer = browser.get(&address).await;
        assert_eq!((answer.status, answer.json()["changes"].as_str().unwrap()), (200, &*seen));
    }
    assert_eq!(world.count(count).await, before);
    act(&clinic.admin, &case, "claim", 1, &json!({})).await.expect(200);
    assert_ne!(browser.get(&address).await.json()["changes"], seen);
}
