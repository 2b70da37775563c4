//! Concurrent commands on the same follow-ups: one wins, the others get a version conflict.

use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use super::{Colleague, act, seed};
use crate::world::World;

const CASES: usize = 50;
const STAFF: usize = 8;

#[tokio::test]
async fn of_eight_commands_on_one_version_one_wins_and_seven_get_412() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, CASES).await;
    let staff = join_all((0..STAFF).map(|_| Colleague::of(&world, &clinic))).await;
    let page = clinic.staff.get("/v1/follow-ups?limit=200").await.expect(200);
    let started = Instant::now();
    let (mut won, mut conflicts) = (0, 0);
    for item in page["items"].as_array().unwrap() {
        let case = format!("/v1/follow-ups/{}", item["id"].as_str().unwrap());
        let body = json!({});
        let answers = join_all(staff.iter().map(|one| act(&one.user, &case, "claim", 1, &body))).await;
        let winners: Vec<usize> = (0..STAFF).filter(|index| answers[*index].status == 200).collect();
        assert_eq!(winners.len(), 1, "{case}");
        let shown = clinic.staff.get(&case).await.expect(200);
        for answer in answers {
            match answer.status {
                200 => won += 1,
                412 => {
                    conflicts += 1;
                    let current = &answer.json()["current"];
                    let by = &current["by"];
                    let of_winner = (&json!(2), &json!("assigned"), &shown["assignee"]);
                    assert_eq!((&current["version"], &current["state"], &by["credential_id"]), of_winner, "{current}");
                    assert!(current["at"].is_string() && by["display_name"].is_string(), "{current}");
                }
                other => panic!("{other}: {}", answer.text),
            }
        }
        assert_eq!((&shown["version"], &shown["assignee"]), (&json!(2), &json!(staff[winners[0]].id)));
        let history = clinic.staff.get(&format!("{case}/history")).await.expect(200);
        assert_eq!(history["items"].as_array().unwrap().last().unwrap()["by"]["credential_id"], shown["assignee"]);
    }
    println!("{CASES} cases x {STAFF} staff: {won} won, {conflicts} x 412, in {:?}", started.elapsed());
    assert_eq!((won, conflicts), (CASES, CASES * (STAFF - 1)));
    assert_eq!(
        world
            .count("select count(*) from audit_entries where action = 'follow_up_claimed' and outcome = 'success'")
            .await,
        i64::try_from(CASES).unwrap()
    );
}
