//! The files of the pages: the name follows the content, a client keeps them for a year, and compression is made once.

use sarcoscreen::domain::language::Language;

use super::page;
use crate::world::{World, serve};

/// The addresses of the files that a page loads.
async fn loaded(world: &World, address: &str) -> Vec<String> {
    let page = page(world, address).await;
    let files = page.elements.iter().filter(|element| ["link", "script"].contains(&&*element.name));
    files.map(|file| file.get("href").or(file.get("src")).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_file_is_kept_for_a_year_under_a_name_with_its_digest() {
    let world = World::new().await;
    let files = loaded(&world, "/rules/2026.3").await;
    assert_eq!(files.len(), 3, "{files:?}");
    let client = reqwest::Client::builder().tls_certs_only([]).no_gzip().build().unwrap();
    for (file, media_type) in
        files.iter().zip(["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"])
    {
        let address = format!("{}{file}", world.base);
        let get = |accepted: &str| client.get(&address).header("accept-encoding", accepted).send();
        let (plain, packed) = (get("identity").await.unwrap(), get("gzip").await.unwrap());
        for answer in [&plain, &packed] {
            let header = |name: &str| answer.headers()[name].to_str().unwrap();
            assert_eq!((answer.status().as_u16(), header("content-type")), (200, media_type), "{file}");
            assert_eq!(header("cache-control"), "public, max-age=31536000, immutable", "{file}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{file}");
            let digest = header("etag").trim_matches('"').split('-').next().unwrap();
            assert!(file.contains(&format!(".{digest}.")), "{file}");
        }
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{file}");
        let (plain, packed) = (plain.bytes().await.unwrap().len(), packed.bytes().await.unwrap().len());
        assert!(packed < 4_000 && (plain < 500 || packed < plain), "{file}: {plain} {packed}");
        let other = file.replacen('.', ".0", 1);
        assert_eq!(world.holder(None).get(&other).await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn a_page_without_a_module_loads_two_files_and_names_are_equal_on_each_instance() {
    let world = World::new().await;
    let files = loaded(&world, "/rules").await;
    assert_eq!(files.len(), 2, "{files:?}");
    let (base, server) = serve(world.app.clone());
    for file in files {
        assert_eq!(world.holder(None).at(&base).get(&file).await.status, 200, "{file}");
    }
    server.stop(false).await;
}

#[tokio::test]
async fn a_client_with_the_current_page_receives_no_body() {
    let world = World::new().await;
    let client = world.holder(None);
    for language in Language::ALL {
        for address in ["/rules", "/rules/2026.3", "/rules/2026.3/changes"] {
            let address = format!("{address}?lang={}", language.code());
            let tag = client.get(&address).await.header("etag").to_owned();
            let known = client.send(client.request("GET", &address).header("if-none-match", &tag)).await;
            assert_eq!((known.status, known.text.len()), (304, 0), "{address}");
        }
    }
}

#[tokio::test]
async fn a_page_and_its_files_are_small() {
    let world = World::new().await;
    let client = reqwest::Client::builder().tls_certs_only([]).no_gzip().build().unwrap();
    let packed = async |address: &str| {
        let request = client.get(format!("{}{address}", world.base)).header("accept-encoding", "gzip");
        request.send().await.unwrap().bytes().await.unwrap().len()
    };
    for (address, most) in [("/rules", 2_000), ("/rules/2026.3", 45_000), ("/rules/2026.3/changes", 100_000)] {
        let bytes = packed(address).await;
        assert!(bytes <= most, "{address}: {bytes}");
    }
}
