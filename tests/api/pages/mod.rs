//! The web pages, without a browser: their HTML in every state and both languages, their headers and files, and that
//! they say what the API says.

mod errors;
mod files;
mod html;
mod rule_changes;
mod rule_tables;
mod screening;
mod screening_alarms;
mod screening_check;
mod screening_random;
mod screening_states;
mod sign_in;
mod sign_in_at_issuer;
mod sign_in_sessions;
mod staff;
mod staff_commands;
mod staff_reports;

use html::Page;

use crate::world::World;

const LANGUAGES: [&str; 2] = ["en", "es"];
const VERSIONS: [&str; 3] = ["2026.1", "2026.2", "2026.3"];

/// Loads a page and checks its headers and its HTML.
async fn page(world: &World, address: &str) -> Page {
    let answer = world.holder(None).get(address).await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-cache", "{address}");
    Page::of(answer, address)
}

/// The address of a page in a language.
fn in_language(address: &str, language: &str) -> String {
    format!("{address}{}lang={language}", if address.contains('?') { '&' } else { '?' })
}

/// Every public page that is not an error, in each of its states.
fn states() -> Vec<String> {
    let mut states = vec!["/rules".to_owned()];
    for version in VERSIONS {
        states.extend(["", "?q=age", "?q=xyz", "?q=", "/changes"].map(|rest| format!("/rules/{version}{rest}")));
        states.extend(VERSIONS.map(|before| format!("/rules/{version}/changes?from={before}")));
    }
    states
}

#[tokio::test]
async fn every_page_is_sound_in_both_languages_and_links_to_itself_in_the_other() {
    let world = World::new().await;
    for address in states() {
        for language in LANGUAGES {
            let page = page(&world, &in_language(&address, language)).await;
            assert_eq!(page.answer.header("content-language"), language, "{address}");
            assert_eq!(page.language(), language, "{address}");
            for other in LANGUAGES {
                let link = page.links().into_iter().find(|link| link.contains(&format!("lang={other}"))).unwrap();
                let linked = self::page(&world, &link).await;
                assert_eq!(linked.language(), other, "{address}: {link}");
            }
        }
    }
}

#[tokio::test]
async fn the_language_is_that_of_the_address_or_the_best_that_the_client_accepts() {
    let world = World::new().await;
    let client = world.holder(None);
    for (address, accepted, language) in [
        ("/rules", "es-MX,es;q=0.9,en;q=0.5", "es"),
        ("/rules", "fr", "en"),
        ("/rules?lang=en", "es", "en"),
        ("/rules?lang=xx", "es", "es"),
    ] {
        let answer = client.send(client.request("GET", address).header("accept-language", accepted)).await;
        assert_eq!(answer.header("content-language"), language, "{address} {accepted}");
        assert!(answer.header("vary").to_lowercase().contains("accept-language"));
    }
}

#[tokio::test]
async fn every_link_of_a_page_leads_to_a_page() {
    let world = World::new().await;
    let mut followed = std::collections::BTreeSet::new();
    for address in states() {
        for link in page(&world, &address).await.links() {
            let path = link.split('#').next().unwrap().to_owned();
            if path.starts_with('/') && followed.insert(path.clone()) {
                assert_eq!(world.holder(None).get(&path).await.status, 200, "{address}: {path}");
            }
        }
    }
    assert!(followed.len() > 20, "{followed:?}");
}

#[tokio::test]
async fn a_public_page_adds_no_audit_entry() {
    let world = World::new().await;
    world.clinic("One").await;
    let count = "select (select count(*) from audit_entries) + (select count(*) from audit_pending)";
    let before = world.count(count).await;
    for address in ["/rules", "/rules/2026.3", "/rules/2026.3?q=falls", "/rules/2026.3/changes", "/rules/none"] {
        world.holder(None).get(address).await;
    }
    assert_eq!(world.count(count).await, before);
}
