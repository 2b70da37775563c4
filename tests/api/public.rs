//! Public responses: each is built once, in two encodings, and a client with the current version gets 304.

use std::io::Read as _;

use crate::world::World;

/// Public resources that are the same for every client.
const PATHS: [&str; 23] = [
    "/openapi.json",
    "/docs/problems",
    "/docs/",
    "/docs/swagger-initializer.js",
    "/v1/questionnaire",
    "/v1/rule-tables",
    "/v1/rule-tables/2026.1",
    "/v1/rule-tables/2026.3",
    "/v1/rule-tables/2026.3/changes?from=2026.2",
    "/v1/conformance",
    "/fhir/metadata",
    "/fhir/Questionnaire/2026.3",
    "/fhir/Questionnaire/2026.3-person",
    "/fhir/Questionnaire/2026.1",
    "/fhir/ValueSet/stair-difficulty",
    "/fhir/CodeSystem/answers",
    "/fhir/CodeSystem/results",
    "/cds-services",
    "/docs/index.css",
    "/rules",
    "/rules/2026.1",
    "/rules/2026.3",
    "/rules/2026.3/changes",
];

#[tokio::test]
async fn a_public_response_is_equal_in_each_encoding_and_304_when_current() {
    let world = World::new().await;
    let client = reqwest::Client::builder().tls_certs_only([]).no_gzip().build().unwrap();
    for path in PATHS {
        let request = |accepted: &str| client.get(format!("{}{path}", world.base)).header("accept-encoding", accepted);
        let mut plain: Option<Vec<u8>> = None;
        for (accepted, encoding) in [
            ("identity", ""),
            ("gzip", "gzip"),
            ("br", "br"),
            ("gzip, deflate, br", "br"),
            ("gzip;q=1, br;q=0.5", "gzip"),
        ] {
            let answer = request(accepted).send().await.unwrap();
            let named = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
            let (tag, used) = (named("etag"), named("content-encoding"));
            // A page of the documentation exists only compressed.
            assert!(used == encoding || (used == "gzip" && path.starts_with("/docs/")), "{path} {accepted}: {used}");
            assert_eq!(
                (answer.status().as_u16(), named("vary").to_lowercase().matches("accept-encoding").count()),
                (200, 1)
            );
            assert!(tag.ends_with(&format!("-{}\"", if used.is_empty() { "identity" } else { &used })), "{path} {tag}");
            let body = unpacked(&used, &answer.bytes().await.unwrap());
            assert!(*plain.get_or_insert_with(|| body.clone()) == body, "{path} {accepted}");
            for other in ["identity", "gzip", "br"] {
                let known = request(other).header("if-none-match", &tag).send().await.unwrap();
                assert_eq!((known.status().as_u16(), known.bytes().await.unwrap().len()), (304, 0), "{path}");
            }
        }
        let other = request("identity").header("if-none-match", "\"other-identity\"").send().await.unwrap();
        assert_eq!(other.status().as_u16(), 200, "{path}");
    }
}

fn unpacked(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain),
        _ => return bytes.to_vec(),
    }
    .unwrap();
    plain
}

#[tokio::test]
async fn public_resources_are_kept_for_minutes() {
    let world = World::new().await;
    let caching = async |path: &str| world.holder(None).get(path).await.header("cache-control").to_owned();
    let changes = "/v1/rule-tables/2026.3/changes?from=2026.2";
    assert_eq!(caching(changes).await, "public, max-age=31536000, immutable");
    for path in ["/v1/rule-tables", "/v1/rule-tables/2026.3", "/v1/conformance", "/v1/questionnaire"] {
        assert_eq!(caching(path).await, "public, max-age=300", "{path}");
    }
}

#[tokio::test]
async fn each_language_has_its_own_response() {
    let world = World::new().await;
    let anonymous = world.holder(None);
    for path in [
        "/v1/questionnaire",
        "/v1/rule-tables/2026.3",
        "/v1/rule-tables/2026.3/changes?from=2026.2",
        "/fhir/Questionnaire/2026.3",
        "/cds-services",
        "/rules/2026.3",
        "/rules/2026.3/changes",
    ] {
        let [english, spanish] = ["en", "es"].map(|language| {
            let request = anonymous.request("GET", path).header("accept-language", language);
            async { anonymous.send(request).await }
        });
        let (english, spanish) = (english.await, spanish.await);
        assert_ne!((english.header("etag"), &english.text), (spanish.header("etag"), &spanish.text), "{path}");
        assert_eq!((english.header("content-language"), spanish.header("content-language")), ("en", "es"), "{path}");
    }
}
