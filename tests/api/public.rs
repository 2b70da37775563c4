//! Public responses: each is built once, in two encodings, and a client that has it gets 304.

use std::io::Read as _;

use crate::world::World;

/// Public resources that are the same for every client.
const PATHS: [&str; 15] = [
    "/openapi.json",
    "/docs/problems",
    "/docs/",
    "/docs/swagger-initializer.js",
    "/v1/questionnaire",
    "/v1/rule-tables",
    "/v1/rule-tables/2026.1",
    "/v1/rule-tables/2026.3",
    "/v1/conformance",
    "/fhir/metadata",
    "/fhir/Questionnaire/2026.3",
    "/fhir/CodeSystem/answers",
    "/fhir/CodeSystem/results",
    "/cds-services",
    "/docs/index.css",
];

#[tokio::test]
async fn a_public_response_is_equal_in_both_encodings_and_304_when_current() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    for path in PATHS {
        let plain = anonymous.get(path).await;
        let request = || reqwest::Client::builder().no_gzip().build().unwrap().get(format!("{}{path}", world.base));
        let gzip = request().header("accept-encoding", "gzip").send().await.unwrap();
        assert_eq!((plain.status, gzip.status().as_u16()), (200, 200), "{path}");
        let named = |name: &str| gzip.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let tag = named("etag");
        assert_eq!((tag.as_str(), named("content-encoding").as_str()), (plain.header("etag"), "gzip"), "{path}");
        for answer in [&named("vary"), plain.header("vary")] {
            assert_eq!(answer.to_lowercase().matches("accept-encoding").count(), 1, "{path}: {answer}");
        }
        let bytes = gzip.bytes().await.unwrap();
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap();
        if plain.header("content-encoding").is_empty() {
            assert_eq!(unpacked, plain.text, "{path}");
        }
        for accepted in ["gzip", "identity"] {
            let known = request().header("accept-encoding", accepted).header("if-none-match", &tag);
            let known = known.send().await.unwrap();
            assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, &*tag), "{path}");
            assert_eq!(known.bytes().await.unwrap().len(), 0, "{path}");
        }
        let other = request().header("if-none-match", "W/\"other\"").send().await.unwrap();
        assert_eq!(other.status().as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn each_language_has_its_own_response() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    for path in ["/v1/questionnaire", "/v1/rule-tables/2026.3", "/fhir/Questionnaire/2026.3", "/cds-services"] {
        let [english, spanish] = ["en", "es"].map(|language| {
            let request = anonymous.request("GET", path).header("accept-language", language);
            async { anonymous.send(request).await }
        });
        let (english, spanish) = (english.await, spanish.await);
        assert_ne!((english.header("etag"), &english.text), (spanish.header("etag"), &spanish.text), "{path}");
        assert_eq!((english.header("content-language"), spanish.header("content-language")), ("en", "es"), "{path}");
    }
}
