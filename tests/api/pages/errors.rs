//! Errors of pages: in the page's language, with the status and the headers of the problem. Other paths keep JSON.

use super::html::Page;
use super::{LANGUAGES, in_language};
use crate::world::World;

#[tokio::test]
async fn an_error_of_a_page_is_a_page_in_its_language() {
    let world = World::new().await;
    let client = world.holder(None);
    let long = format!("/rules/2026.3?q={}", "a".repeat(101));
    for (method, address, status, titles) in [
        ("GET", "/rules/2020.1", 404, ["This page does not exist", "Esta página no existe"]),
        ("GET", "/rules/2020.1/changes", 404, ["This page does not exist", "Esta página no existe"]),
        ("GET", "/rules/2026.3/changes?from=2020.1", 404, ["This page does not exist", "Esta página no existe"]),
        ("GET", "/rules/2026.3/nothing", 404, ["This page does not exist", "Esta página no existe"]),
        ("GET", "/rules/", 404, ["This page does not exist", "Esta página no existe"]),
        ("GET", "/rules/%00", 404, ["This page does not exist", "Esta página no existe"]),
        ("GET", &*long, 400, ["The request cannot be processed", "No se puede procesar la solicitud"]),
        ("POST", "/rules", 405, ["The request cannot be processed", "No se puede procesar la solicitud"]),
        ("DELETE", "/rules/2026.3", 405, ["The request cannot be processed", "No se puede procesar la solicitud"]),
    ] {
        for (language, title) in LANGUAGES.into_iter().zip(titles) {
            let request = client.request(method, address).header("accept-language", language);
            let answer = client.send(request).await;
            let place = format!("{method} {address}");
            assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{place}");
            assert_eq!(answer.header("allow"), if status == 405 { "GET" } else { "" }, "{place}");
            let id = answer.header("x-request-id").to_owned();
            let page = Page::of(answer, &place);
            assert_eq!(page.language(), language, "{place}");
            assert!(page.text().contains(title) && page.text().contains(&id), "{place}: {}", page.text());
        }
    }
}

#[tokio::test]
async fn an_error_of_a_page_of_staff_leads_to_their_first_page() {
    let world = World::new().await;
    for (language, text) in LANGUAGES.into_iter().zip(["To the worklist", "A la lista de trabajo"]) {
        for path in ["/staff/nothing", "/staff/sign-in/oidc", "/staff/"] {
            let address = in_language(path, language);
            let answer = world.holder(None).get(&address).await;
            assert_eq!(answer.status, 404, "{address}");
            let page = Page::of(answer, &address);
            let links: Vec<_> = page.links().into_iter().filter(|link| !link.starts_with('#')).collect();
            assert!(links.iter().all(|link| link.starts_with("/staff?lang=")), "{address}: {links:?}");
            assert!(page.text().contains(text), "{address}: {}", page.text());
        }
    }
}

#[tokio::test]
async fn a_page_whose_rule_tables_cannot_be_read_says_that_the_service_cannot_answer() {
    let world = World::new().await;
    let insert = "insert into rule_tables values ('2020.1', repeat('0', 64), $1, now())";
    let files = serde_json::json!({"table.toml": "version = 3"});
    sqlx::query(insert).bind(files).execute(&mut world.connect().await).await.unwrap();
    let answer = world.holder(None).get("/rules/2020.1?lang=es").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    let page = Page::of(answer, "/rules/2020.1");
    assert!(page.text().contains("El servicio no puede responder ahora"), "{}", page.text());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_a_page_too() {
    let world = World::new().await;
    let client = world.holder(None);
    let request = client.request("GET", "/rules").header("accept-language", "es,".repeat(300));
    let answer = client.send(request).await;
    assert_eq!(answer.status, 431);
    assert_eq!(Page::of(answer, "/rules").language(), "en");
}

#[tokio::test]
async fn paths_beside_the_pages_keep_their_problems() {
    let world = World::new().await;
    for address in ["/rulesets", "/v1/rule-tables/2020.1", "/nothing", "/assets/none.css"] {
        let answer = world.holder(None).get(address).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{address}");
    }
}
