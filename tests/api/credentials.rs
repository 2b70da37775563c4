//! Management of credentials by an admin: minted once, listed without keys, rotated with overlap, revoked permanently.

use sarcoscreen::app::ambient::{Ambient as _, after};
use sarcoscreen::domain::access::actor::Role;
use serde_json::{Value, json};
use std::time::Duration;

use crate::world::{Clinic, User, World, fit, frail};

/// Mints a credential; returns its id and a user with the key.
async fn mint(world: &World, clinic: &Clinic, body: &Value) -> (String, User) {
    let minted = clinic.admin.post("/v1/credentials", body).await.expect(201);
    (minted["id"].as_str().unwrap().to_owned(), world.holder(minted["key"].as_str()))
}

#[tokio::test]
async fn a_minted_key_works_is_shown_once_and_is_audited() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let expires_at = after(world.clock.now(), Duration::from_hours(1)).to_string();
    let body = json!({"role": "staff", "display_name": " Ada Lovelace ", "expires_at": expires_at});
    let answer = clinic.admin.post("/v1/credentials", &body).await;
    let location = answer.header("location").to_owned();
    let request: uuid::Uuid = answer.header("x-request-id").parse().unwrap();
    let minted = answer.expect(201);
    let (id, key) = (minted["id"].as_str().unwrap(), minted["key"].as_str().unwrap());
    assert_eq!(location, format!("/v1/credentials/{id}"));
    assert_eq!(minted["display_name"], "Ada Lovelace");
    assert!(key.starts_with(minted["key_prefix"].as_str().unwrap()));
    let holder = world.holder(Some(key));
    holder.get("/v1/follow-ups").await.expect(200);
    let list = clinic.admin.get("/v1/credentials").await;
    assert!(!list.text.contains(&key[17..]), "a list shows no key");
    assert!(list.json()["items"].as_array().unwrap().iter().any(|one| one["id"] == id));
    let on_record: (uuid::Uuid, Option<uuid::Uuid>) = sqlx::query_as(
        "select c.credential_id, a.request_id from audit_entries a join credentials c using (clinic_id, credential_id)
         where a.action = 'credential_minted' and a.resource_id = $1::uuid and c.role = 'admin'",
    )
    .bind(id.parse::<uuid::Uuid>().unwrap())
    .fetch_one(&mut world.connect().await)
    .await
    .unwrap();
    assert_eq!(on_record.1, Some(request));
    assert_eq!(world.count("select count(*) from audit_entries where action = 'credentials_listed'").await, 1);
    world.clock.advance(3600);
    holder.get("/v1/follow-ups").await.expect(401);
}

#[tokio::test]
async fn a_faulty_draft_mints_nothing_and_all_faults_are_reported() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let before = world.count("select count(*) from credentials").await;
    let pointers = async |body: Value| {
        let answer = clinic.admin.post("/v1/credentials", &body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        answer.pointers()
    };
    assert_eq!(pointers(json!({})).await, ["/role", "/display_name"]);
    assert_eq!(pointers(json!({"role": "owner", "display_name": "A"})).await, ["/role"]);
    let wrong = json!({"role": "staff", "display_name": "\u{7}", "expires_at": "2020-01-01T00:00:00Z",
                       "origins": ["https://clinic.example"]});
    assert_eq!(pointers(wrong).await, ["/display_name", "/expires_at", "/origins"]);
    let wrong = json!({"role": "browser", "display_name": "A", "origins": ["*", "https://a.example/"], "prefix": "x"});
    assert_eq!(pointers(wrong).await, ["/prefix"]);
    let wrong = json!({"role": "browser", "display_name": "A", "origins": ["*", "https://a.example/"]});
    assert_eq!(pointers(wrong).await, ["/origins/0", "/origins/1"]);
    assert_eq!(world.count("select count(*) from credentials").await, before);
}

#[tokio::test]
async fn after_a_rotation_both_keys_work_until_the_overlap_ends() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (id, first) = mint(&world, &clinic, &json!({"role": "staff", "display_name": "Ada"})).await;
    let path = format!("/v1/credentials/{id}/rotate");
    let rotated = clinic.admin.post(&path, &json!({"overlap_hours": 2})).await.expect(200);
    assert_eq!(rotated["id"], id);
    let second = world.holder(rotated["key"].as_str());
    assert_ne!(first.key, second.key);
    for key in [&first, &second] {
        key.get("/v1/follow-ups").await.expect(200);
    }
    world.clock.advance(2 * 3600 - 60);
    first.get("/v1/follow-ups").await.expect(200);
    world.clock.advance(60);
    first.get("/v1/follow-ups").await.expect(401);
    second.get("/v1/follow-ups").await.expect(200);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'credential_rotated'").await, 1);
}

#[tokio::test]
async fn without_overlap_the_earlier_key_stops_and_only_two_keys_work() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (id, first) = mint(&world, &clinic, &json!({"role": "staff", "display_name": "Ada"})).await;
    let path = format!("/v1/credentials/{id}/rotate");
    let rotate = async |body: Value| {
        let rotated = clinic.admin.post(&path, &body).await.expect(200);
        world.holder(rotated["key"].as_str())
    };
    let second = rotate(json!({"overlap_hours": 0})).await;
    first.get("/v1/follow-ups").await.expect(401);
    let third = rotate(json!({})).await;
    let fourth = rotate(json!({})).await;
    second.get("/v1/follow-ups").await.expect(401);
    for key in [third, fourth] {
        key.get("/v1/follow-ups").await.expect(200);
    }
    for hours in [json!(-1), json!(169), json!("24")] {
        clinic.admin.post(&path, &json!({"overlap_hours": hours})).await.expect(422);
    }
}

#[tokio::test]
async fn an_invalid_credential_cannot_be_rotated() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let soon = after(world.clock.now(), Duration::from_mins(1)).to_string();
    let (expired, _) = mint(&world, &clinic, &json!({"role": "staff", "display_name": "A", "expires_at": soon})).await;
    let (revoked, _) = mint(&world, &clinic, &json!({"role": "staff", "display_name": "B"})).await;
    clinic.admin.send(clinic.admin.request("DELETE", &format!("/v1/credentials/{revoked}"))).await.expect(204);
    world.clock.advance(61);
    for id in [expired, revoked] {
        let answer = clinic.admin.post(&format!("/v1/credentials/{id}/rotate"), &json!({})).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
    }
    assert_eq!(
        world
            .count("select count(*) from audit_entries where action = 'credential_rotated' and outcome = 'success'")
            .await,
        0
    );
}

#[tokio::test]
async fn revoking_disables_both_keys_once_and_admins_cannot_revoke_themselves() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let delete = async |id: &str| {
        let request = clinic.admin.request("DELETE", &format!("/v1/credentials/{id}"));
        clinic.admin.send(request).await.status
    };
    let (id, first) = mint(&world, &clinic, &json!({"role": "staff", "display_name": "Ada"})).await;
    let rotated = clinic.admin.post(&format!("/v1/credentials/{id}/rotate"), &json!({})).await.expect(200);
    assert_eq!([delete(&id).await, delete(&id).await], [204, 204]);
    first.get("/v1/follow-ups").await.expect(401);
    world.holder(rotated["key"].as_str()).get("/v1/follow-ups").await.expect(401);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'credential_revoked'").await, 1);
    assert_eq!(delete("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071").await, 404);
    let list = clinic.admin.get("/v1/credentials").await.expect(200);
    let own = list["items"].as_array().unwrap().iter().find(|one| one["role"] == "admin").unwrap().clone();
    assert_eq!(delete(own["id"].as_str().unwrap()).await, 409);
    clinic.admin.get("/v1/credentials").await.expect(200);
}

#[tokio::test]
async fn the_list_is_paged_and_shows_each_credential_once() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    world.clinic("Two").await;
    for _ in 0..3 {
        world.user(clinic.id, Role::Staff, None).await;
    }
    let (mut path, mut seen) = ("/v1/credentials?limit=2".to_owned(), Vec::new());
    loop {
        let page = clinic.admin.get(&path).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/credentials?limit=2&cursor={cursor}");
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (7, 7));
}

#[tokio::test]
async fn a_browser_key_bound_to_origins_is_refused_from_other_origins() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body =
        json!({"role": "browser", "display_name": "Site", "origins": ["https://clinic.example", "http://kiosk:81"]});
    let (_, bound) = mint(&world, &clinic, &body).await;
    let from = async |user: &User, origin: Option<&str>| {
        let mut request = user.request("POST", "/v1/scores").json(&json!({"answers": fit()}));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        user.send(request).await
    };
    for fits in ["https://clinic.example", "http://kiosk:81"] {
        from(&bound, Some(fits)).await.expect(200);
    }
    let foreign = ["https://evil.example", "https://clinic.example.evil.example", "http://clinic.example", "null"];
    for origin in foreign.map(Some).into_iter().chain([None]) {
        let answer = from(&bound, origin).await;
        assert_eq!(answer.status, 403, "{origin:?}");
        assert_eq!(answer.json()["type"], "/docs/problems#origin_not_allowed");
    }
    // A key without origins works on the pages that the operator allows, and for clients that are not web pages.
    from(&clinic.browser, None).await.expect(200);
    from(&clinic.browser, Some("https://clinic.example")).await.expect(200);
    from(&clinic.browser, Some("https://evil.example")).await.expect(403);
}

#[tokio::test]
async fn a_browser_key_has_another_mark_than_secret_keys_and_each_key_works_with_its_own_mark_only() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (role, mark, other) in [("browser", "pk_", "sk_"), ("intake", "sk_", "pk_"), ("admin", "sk_", "pk_")] {
        let minted =
            clinic.admin.post("/v1/credentials", &json!({"role": role, "display_name": role})).await.expect(201);
        let path = format!("/v1/credentials/{}/rotate", minted["id"].as_str().unwrap());
        let rotated = clinic.admin.post(&path, &json!({})).await.expect(200);
        for shown in [&minted, &rotated] {
            let (key, prefix) = (shown["key"].as_str().unwrap(), shown["key_prefix"].as_str().unwrap());
            assert!(key.starts_with(mark) && key.starts_with(prefix), "{role}: {prefix}");
            let score =
                async |key: &str| world.holder(Some(key)).post("/v1/scores", &json!({"answers": fit()})).await.status;
            assert_eq!([score(key).await, score(&key.replacen(mark, other, 1)).await], [200, 401]);
        }
    }
}

#[tokio::test]
async fn a_caller_reads_its_own_credential_and_clinic() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (id, holder) = mint(&world, &clinic, &json!({"role": "intake", "display_name": "Records"})).await;
    let me = holder.get("/v1/me").await.expect(200);
    assert_eq!((&me["id"], &me["role"], &me["display_name"]), (&json!(id), &json!("intake"), &json!("Records")));
    assert_eq!((&me["clinic"]["id"], &me["clinic"]["name"]), (&json!(clinic.id), &json!("One")));
    assert_eq!(clinic.staff.get("/v1/me").await.expect(200)["role"], "staff");
    clinic.browser.get("/v1/me").await.expect(403);
}

#[tokio::test]
async fn staff_see_each_colleague_who_can_work_on_follow_ups_and_no_other_credential() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    world.clinic("Two").await;
    let before = clinic.staff.get("/v1/staff").await.expect(200)["items"].as_array().unwrap().len();
    let soon = after(world.clock.now(), Duration::from_mins(1)).to_string();
    for (name, body) in [
        ("Zoe", json!({"role": "staff", "display_name": "Zoe"})),
        ("Ada", json!({"role": "admin", "display_name": "Ada"})),
        ("Intake", json!({"role": "intake", "display_name": "Intake"})),
        ("Expiring", json!({"role": "staff", "display_name": "Expiring", "expires_at": soon})),
        ("Revoked", json!({"role": "staff", "display_name": "Revoked"})),
    ] {
        let (id, _) = mint(&world, &clinic, &body).await;
        if name == "Revoked" {
            clinic.admin.send(clinic.admin.request("DELETE", &format!("/v1/credentials/{id}"))).await.expect(204);
        }
    }
    world.clock.advance(61);
    let list = clinic.staff.get("/v1/staff").await.expect(200);
    let names: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|one| one["display_name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), before + 2, "{names:?}");
    assert!(names.is_sorted() && names.contains(&"Ada") && names.contains(&"Zoe"), "{names:?}");
    // A follow-up can be assigned to each of them.
    let open = clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let case = format!("/v1/follow-ups/{}", open["follow_up"]["id"].as_str().unwrap());
    for (version, member) in (1..).zip(list["items"].as_array().unwrap()) {
        let request = clinic.staff.request("POST", &format!("{case}/reassign"));
        let request = request.header("if-match", format!("\"{version}\"")).json(&json!({"to": member["id"]}));
        assert_eq!(clinic.staff.send(request).await.expect(200)["assignee"], member["id"]);
    }
    clinic.intake.get("/v1/staff").await.expect(403);
}
