//! The states of the screening form beside a journey: closed, suspended, limited; languages; embedding; sizes.

use sarcoscreen::app::access::limits::Rates;
use sarcoscreen::app::access::web_form;
use sarcoscreen::app::clinics::{change, list};
use sarcoscreen::domain::clinics::Clinic;
use sarcoscreen::domain::language::Language;
use serde_json::json;

use super::LANGUAGES;
use super::html::{Element, POLICY, Page};
use super::screening::{FORM, blank, field, hidden, post, sent, shown, typed};
use crate::web_form::opened;
use crate::world::{World, frail};

async fn settings(world: &World) -> Clinic {
    list(&world.app).await.unwrap().into_iter().next().unwrap()
}

#[tokio::test]
async fn a_form_that_takes_no_answers_says_so_in_the_language_of_the_visitor() {
    let world = World::new().await;
    let client = world.holder(None);
    for (language, words) in LANGUAGES.into_iter().zip(["This form is not open", "Este formulario no está abierto"]) {
        for address in [format!("/s/none?lang={language}"), format!("/s/%3Cx%3E?lang={language}")] {
            let page = shown(client.get(&address).await, 404);
            assert!(page.text().contains(words) && page.language() == language, "{}", page.text());
            shown(post(&world, &address, &[]).await, 404);
        }
    }
    let clinic = opened(&world, "One").await;
    world.suspend(&clinic, true).await;
    // The service of the visits above has cached that no form is open.
    let (base, server) = crate::world::serve(fresh(&world).await);
    let page = shown(client.at(&base).get(&format!("{FORM}?lang=en")).await, 403);
    assert!(page.text().contains("This form takes no answers now"), "{}", page.text());
    server.stop(false).await;
}

/// An application with empty caches.
async fn fresh(world: &World) -> sarcoscreen::app::App {
    let ambient = std::sync::Arc::new(sarcoscreen::app::ambient::System);
    let app = crate::world::app(&world.database, ambient, &[7], None);
    app.prepare().await.unwrap();
    app
}

#[tokio::test]
async fn a_visitor_over_the_limit_keeps_the_answers() {
    let rates = Rates { submissions_per_address: 1, ..Rates::default() };
    let world = World::built(|_| {}, |app| app.with_rates(rates)).await;
    opened(&world, "One").await;
    let mut fields = hidden(&blank(&world, "en").await);
    fields.extend(typed(&frail()));
    let address = format!("{FORM}?lang=en");
    shown(post(&world, &address, &fields).await, 200);
    let answer = post(&world, &address, &fields).await;
    assert!(!answer.header("retry-after").is_empty());
    assert!(shown(answer, 429).text().contains("Nothing is lost: go back"));
    assert_eq!(world.count("select count(*) from submissions").await, 1);
}

#[tokio::test]
async fn what_is_no_form_is_refused_with_a_page() {
    let world = World::new().await;
    opened(&world, "One").await;
    let client = world.holder(None);
    let json = client.send(client.request("POST", FORM).json(&json!({"answers": frail()}))).await;
    shown(json, 415);
    let keyless = shown(post(&world, &format!("{FORM}?lang=en"), &typed(&frail())).await, 400);
    assert!(keyless.text().contains("The form cannot be read"), "{}", keyless.text());
    for (method, address, allowed) in [
        ("PUT", FORM.to_owned(), "GET, POST"),
        ("GET", format!("{FORM}/check"), "POST"),
        ("POST", "/".to_owned(), "GET"),
    ] {
        let answer = client.send(client.request(method, &address)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{method} {address}");
    }
    let large = post(&world, FORM, &[field("name", &"x".repeat(70_000))]).await;
    let large = shown(large, 413);
    // The text offers an empty form; with script the link empties the tab.
    for page in [&keyless, &large] {
        let again = page.elements.iter().find(|element| element.get("data-again").is_some()).unwrap();
        assert_eq!(again.get("href"), Some("/s/our-clinic?lang=en"));
        assert!(page.elements.iter().any(|element| element.name == "script"));
    }
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn a_change_of_language_keeps_the_answers_and_the_retry_key() {
    let world = World::new().await;
    opened(&world, "One").await;
    let mut fields = hidden(&blank(&world, "en").await);
    fields.extend(typed(&json!({"age": "71", "weight_kg": "61,5", "smoker": true, "conditions": ["copd"]})));
    fields.push(field("to_contact", "yes"));
    fields.push(field("language", "es"));
    let page = shown(post(&world, &format!("{FORM}?lang=en&kiosk"), &fields).await, 200);
    assert_eq!(page.language(), "es");
    assert_eq!(hidden(&page), fields[..2]);
    assert_eq!(page.entry("weight_kg").get("value"), Some("61,5"));
    let checked = page.elements.iter().filter(|element| element.get("checked").is_some());
    let checked: Vec<_> =
        checked.map(|element| (element.get("name").unwrap(), element.get("value").unwrap())).collect();
    assert_eq!(checked, [("smoker", "true"), ("conditions", "copd"), ("to_contact", "yes")]);
    assert!(page.texts("form").len() == 1 && page.by_id("title-faults").is_none());
    let form = page.elements.iter().find(|element| element.name == "form").unwrap();
    assert_eq!(form.get("action"), Some("/s/our-clinic?lang=es&kiosk"));
}

/// Without script, Enter in a field presses the first button of its form.
#[tokio::test]
async fn the_first_button_of_the_form_stores_nothing() {
    let world = World::new().await;
    opened(&world, "One").await;
    let page = blank(&world, "en").await;
    let first = page.elements.iter().find(|element| element.get("type") == Some("submit")).unwrap();
    let pressed = field(first.get("name").unwrap(), first.get("value").unwrap());
    let fields = [hidden(&page), typed(&frail()), vec![pressed]].concat();
    let again = shown(post(&world, &format!("{FORM}?lang=en"), &fields).await, 200);
    assert_eq!(again.entry("age").get("value"), Some("82"));
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn a_form_speaks_the_languages_of_its_clinic_only() {
    let world = World::new().await;
    opened(&world, "One").await;
    let clinic = settings(&world).await;
    let spanish = Clinic { language: Language::Es, languages: vec![Language::Es], ..clinic };
    change(&world.app, &spanish).await.unwrap();
    let page = Page::of(world.holder(None).get(&format!("{FORM}?lang=en")).await, FORM);
    assert_eq!(page.language(), "es");
    assert!(page.by_id("languages").is_none() && page.elements.iter().all(|element| element.name != "nav"));
}

#[tokio::test]
async fn a_blank_form_asks_what_the_api_asks_of_a_person_and_shows_the_consent() {
    let world = World::new().await;
    opened(&world, "One").await;
    let client = world.holder(None);
    for (language, consent) in LANGUAGES.into_iter().zip(["You may call me.", "Me pueden llamar."]) {
        let request = client.request("GET", "/v1/questionnaire").header("accept-language", language);
        let questionnaire = client.send(request).await.expect(200);
        let page = blank(&world, language).await;
        assert_eq!(page.language(), language);
        let groups = questionnaire["groups"].as_array().unwrap();
        for item in groups.iter().flat_map(|group| group["items"].as_array().unwrap()) {
            let id = item["id"].as_str().unwrap();
            let Some(question) = page.by_id(&format!("question-{id}")) else {
                assert_ne!(item["audience"], "person", "{id}");
                continue;
            };
            assert_eq!(item["audience"], "person", "{id}");
            for part in ["label", "help"] {
                assert!(question.text.contains(item[part].as_str().unwrap()), "{language} {id}");
            }
            let options = item["options"].as_array().unwrap();
            for option in options {
                let offered = |element: &Element| {
                    element.get("name") == Some(id) && element.get("value") == option["id"].as_str()
                };
                assert!(page.elements.iter().any(offered), "{id} {option}");
            }
        }
        assert!(page.text().contains(consent) && page.text().contains(questionnaire["title"].as_str().unwrap()));
        assert!(page.text().contains(questionnaire["alarm_stem"].as_str().unwrap()));
        // No answer is given before the person gives it.
        assert!(page.elements.iter().all(|element| element.get("checked").is_none()));
        let filled = page.elements.iter().filter(|element| element.get("type") == Some("text"));
        assert!(filled.map(|input| input.get("value").unwrap()).all(str::is_empty));
    }
    let idle = Page::of(client.get(&format!("{FORM}?lang=en&idle=")).await, FORM);
    assert!(idle.texts("notice").iter().any(|notice| notice.contains("not used for 30 minutes")));
}

#[tokio::test]
async fn only_the_sites_of_the_form_may_embed_it() {
    let world = World::new().await;
    opened(&world, "One").await;
    let origins = ["https://clinic.example", "https://other.example"].map(str::to_owned);
    web_form::open(&world.app, &settings(&world).await, Some(origins.into())).await.unwrap();
    let own_sites = "frame-ancestors https://clinic.example https://other.example";
    let policy = POLICY.replace("frame-ancestors 'none'", own_sites);
    let blank = world.holder(None).get(&format!("{FORM}?lang=en")).await;
    let blank = Page::with_policy(blank, FORM, &policy);
    let mut fields = hidden(&blank);
    fields.extend(typed(&frail()));
    Page::with_policy(post(&world, FORM, &fields).await, FORM, &policy);
    // A refusal shows in the same frames, and keeps the device shared.
    let keyless = post(&world, &format!("{FORM}?lang=en&kiosk"), &typed(&frail())).await;
    let keyless = Page::with_policy(keyless, FORM, &policy);
    let again = keyless.elements.iter().find(|element| element.get("data-again").is_some()).unwrap();
    assert_eq!(again.get("href"), Some("/s/our-clinic?kiosk&lang=en"));
    let client = world.holder(None);
    let element = client.send(client.request("GET", "/sarco-screen.js").header("origin", "https://any.example")).await;
    assert_eq!((element.status, element.header("access-control-allow-origin")), (200, "https://any.example"));
    assert_eq!(element.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(element.header("cache-control"), "no-cache");
    let tag = element.header("etag").to_owned();
    let known = client.send(client.request("GET", "/sarco-screen.js").header("if-none-match", tag)).await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn the_first_page_of_a_service_with_one_form_is_the_form() {
    let world = World::new().await;
    opened(&world, "One").await;
    let client = reqwest::Client::builder().tls_certs_only([]).redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let first = async || {
        let answer = client.get(format!("{}/?lang=es", world.base)).send().await.unwrap();
        let location = answer.headers().get("location").map(|address| address.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    };
    assert_eq!(first().await, (302, Some("/s/our-clinic?lang=es".to_owned())));
    let none = World::new().await;
    let missing = none.holder(None).get("/").await;
    assert_eq!(missing.status, 404);
    let missing = Page::of(missing, "/");
    assert!(missing.links().iter().any(|link| link.starts_with("/rules")), "{:?}", missing.links());
}

#[tokio::test]
async fn the_first_page_with_its_files_is_small() {
    let world = World::new().await;
    opened(&world, "One").await;
    let page = blank(&world, "es").await;
    let files = page.elements.iter().filter(|element| ["link", "script"].contains(&&*element.name));
    let files = files.map(|file| file.get("href").or(file.get("src")).unwrap().to_owned());
    let addresses: Vec<_> = files.chain([format!("{FORM}?lang=es")]).collect();
    assert_eq!(addresses.len(), 4, "{addresses:?}");
    let client = reqwest::Client::builder().tls_certs_only([]).no_gzip().build().unwrap();
    let mut bytes = 0;
    for address in &addresses {
        let request = client.get(format!("{}{address}", world.base)).header("accept-encoding", "gzip");
        bytes += request.send().await.unwrap().bytes().await.unwrap().len();
    }
    assert!(bytes <= 20_000, "{bytes}");
    let outcome = sent(&world, "es", &frail()).await;
    assert!(outcome.answer.text.len() <= 40_000, "{}", outcome.answer.text.len());
}
