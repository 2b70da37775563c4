//! URLs in responses: only a trusted proxy can set their host, and never for the responses of other clients.

use serde_json::Value;

use super::{create_once, identified};
use crate::world::{Answer, User, World, frail};

const FORGED: [(&str, &str); 3] = [
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("forwarded", "host=evil.example;proto=https"),
];
const PUBLIC: [&str; 3] = ["/fhir/Questionnaire", "/fhir/CodeSystem", "/fhir/CodeSystem?_id=answers"];

async fn get_with(user: &User, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = user.request("GET", path);
    user.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Every URL in a bundle.
fn addresses(bundle: &Value) -> Vec<String> {
    let of = |list: &Value, name: &str| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|one| one[name].as_str().unwrap().to_owned()).collect()
    };
    [of(&bundle["link"], "url"), of(&bundle["entry"], "fullUrl")].concat()
}

#[tokio::test]
async fn an_untrusted_client_cannot_set_urls_in_responses() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    create_once(&clinic.intake, "1", &identified(&frail(), "1")).await.expect(201);
    create_once(&clinic.intake, "2", &identified(&frail(), "2")).await.expect(201);
    for path in PUBLIC.into_iter().chain(["/fhir/QuestionnaireResponse?_count=1"]) {
        let answer = get_with(&clinic.intake, path, &FORGED).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let found = addresses(&answer.expect(200));
        assert!(found.len() > 1, "{path}");
        assert!(found.iter().all(|address| address.starts_with(&format!("{}/fhir/", world.base))), "{path}: {found:?}");
    }
    let created = clinic.intake.request("POST", "/fhir/QuestionnaireResponse");
    let created = created.header("content-type", "application/fhir+json").body(identified(&frail(), "3").to_string());
    let created = FORGED.iter().fold(created, |request, (name, value)| request.header(*name, *value));
    let created = clinic.intake.send(created).await;
    assert!(created.header("location").starts_with(&world.base), "{}", created.header("location"));
}

#[tokio::test]
async fn a_trusted_proxy_sets_the_host_and_its_responses_are_not_cached_for_others() {
    let world = World::with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]).await;
    let headers = [("x-forwarded-host", "clinic.example"), ("x-forwarded-proto", "https")];
    for path in PUBLIC {
        let answer = get_with(&world.holder(None), path, &headers).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let found = addresses(&answer.expect(200));
        assert!(found.iter().all(|address| address.starts_with("https://clinic.example/fhir/")), "{path}: {found:?}");
    }
}

#[tokio::test]
async fn cacheable_responses_use_the_configured_public_url() {
    let url = "https://screening.example";
    let world = World::with(|settings| {
        settings.public_url = Some(url.to_owned());
        settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for path in PUBLIC {
        let answer = get_with(&world.holder(None), path, &FORGED).await;
        assert_eq!(answer.header("cache-control"), "public, max-age=300", "{path}");
        let found = addresses(&answer.expect(200));
        assert!(found.iter().all(|address| address.starts_with(&format!("{url}/fhir/"))), "{path}: {found:?}");
    }
}
