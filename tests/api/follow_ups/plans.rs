//! Query plans of worklist pages: they use an index, under the unprivileged role and its row-level security.

use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::domain::follow_ups::StateName;
use sarcoscreen::domain::follow_ups::worklist::{Assignee, FollowUpFilter, FollowUpOrder};
use sarcoscreen::domain::ids::{ClinicId, CredentialId};
use sarcoscreen::domain::page::PageRequest;
use sarcoscreen::domain::screening::urgency::Urgency;
use sarcoscreen::store::follow_ups::worklist;
use serde_json::Value;
use sqlx::Executor as _;
use uuid::Uuid;

use super::seed;
use crate::world::{Clinic, World};

/// Every node of a plan with the index it uses.
fn nodes(plan: &Value, found: &mut Vec<(String, String)>) {
    let text = |name: &str| plan[name].as_str().unwrap_or_default().to_owned();
    found.push((text("Node Type"), text("Index Name")));
    for inner in plan["Plans"].as_array().into_iter().flatten() {
        nodes(inner, found);
    }
}

/// Ten thousand follow-ups in each clinic, most of them closed; some of the first clinic's are assigned to `nurse`.
async fn seed_in_three_states(world: &World, clinic: &Clinic, other: &Clinic, nurse: Uuid) {
    for clinic in [clinic, other] {
        seed(world, clinic, 10_000).await;
    }
    let assigned = format!(
        "update follow_ups set state = 'assigned', assignee = '{nurse}' where clinic_id = '{}' and extract(second from flagged_at) < 3",
        clinic.id
    );
    for sql in [
        &assigned,
        "update follow_ups set state = 'closed', outcome = 'declined', closed_at = now(), assignee = null
         where extract(second from flagged_at) > 15",
        "analyze follow_ups",
    ] {
        world.connect().await.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.unwrap();
    }
}

#[tokio::test]
async fn every_page_of_every_order_uses_an_index_without_a_sort() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let nurse = world.user_with_id(clinic.id, sarcoscreen::domain::access::actor::Role::Staff, None).await.1;
    seed_in_three_states(&world, &clinic, &other, nurse).await;
    let all = FollowUpFilter::default;
    let (urgency, oldest, due) = (FollowUpOrder::Urgency, FollowUpOrder::Oldest, FollowUpOrder::Due);
    let lists = [
        (all(), urgency, "follow_ups_worklist_idx"),
        (all(), oldest, "follow_ups_worklist_oldest_idx"),
        (all(), due, "follow_ups_worklist_due_idx"),
        (FollowUpFilter { states: vec![StateName::Open], ..all() }, urgency, "follow_ups_next_idx"),
        (FollowUpFilter { states: vec![StateName::Closed], ..all() }, urgency, "follow_ups_all_idx"),
        (FollowUpFilter { states: vec![StateName::Closed], ..all() }, oldest, "follow_ups_oldest_idx"),
        (FollowUpFilter { states: StateName::ALL.to_vec(), ..all() }, due, "follow_ups_due_idx"),
        (FollowUpFilter { urgency: Some(Urgency::ThisWeek), ..all() }, urgency, "follow_ups_worklist_idx"),
        (FollowUpFilter { overdue: Some(true), ..all() }, due, "follow_ups_worklist_due_idx"),
        (FollowUpFilter { finding: Some("age_80_and_over".into()), ..all() }, urgency, "follow_ups_worklist_idx"),
        (
            FollowUpFilter { instrument_positive: Some("sarc_f".into()), ..all() },
            oldest,
            "follow_ups_worklist_oldest_idx",
        ),
        (
            FollowUpFilter { assignee: Some(Assignee::Credential(CredentialId(nurse))), ..all() },
            urgency,
            "follow_ups_assignee_idx",
        ),
    ];
    let (store, clinic_id, now) = (world.store(), ClinicId(clinic.id), world.clock.now());
    for (filter, order, index) in lists {
        let mut page = PageRequest { limit: 50, cursor: None };
        for number in ["first", "second"] {
            let plan = worklist::plan(&store, clinic_id, &filter, order, &page, now).await.unwrap();
            let mut found = Vec::new();
            nodes(&plan[0]["Plan"], &mut found);
            let text = format!("{filter:?} {order:?}, {number} page: {found:?}");
            println!("{order:?} {number} page: {found:?}");
            assert!(
                found.iter().all(|(node, _)| ["Limit", "Result", "Index Scan", "Index Only Scan"].contains(&&**node)),
                "{text}"
            );
            assert!(found.iter().any(|(_, used)| used == index), "{text}, {index} was expected");
            let seek = plan.to_string();
            assert_eq!(number == "second", seek.contains("ROW("), "{text}");
            page.cursor = worklist::list(&store, clinic_id, &filter, order, &page, now).await.unwrap().next_cursor;
            assert!(page.cursor.is_some(), "{text}");
        }
    }
    // Control: an order without an index is detected.
    world.connect().await.execute("drop index follow_ups_worklist_due_idx, follow_ups_due_idx").await.unwrap();
    let page = PageRequest { limit: 50, cursor: None };
    let plan = worklist::plan(&store, clinic_id, &all(), due, &page, now).await.unwrap();
    assert!(plan.to_string().contains("Sort"), "{plan}");
}
