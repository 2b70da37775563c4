//! Memory of the program while it processes the largest bodies.

use std::sync::Barrier;

use super::{Line, Site, post};

/// Upper bound on the peak resident memory, MiB.
const MOST: f64 = 400.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_faulty_bodies_use_bounded_memory() {
    let site = Site::new().await;
    let empty = vec!["[]"; 2_700_000].join(",");
    let bodies = [
        ("faulty batches", "/v1/submissions/batch", format!("{{\"items\":[{empty}],\"x\":0}}")),
        ("batches of one item", "/v1/submissions/batch", format!("{{\"items\":[{{\"submission\":[{empty}]}}]}}")),
        (
            "Bundles of one entry",
            "/fhir",
            format!("{{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{{\"resource\":[{empty}]}}]}}"),
        ),
    ];
    tokio::task::block_in_place(|| {
        for (name, path, body) in bodies {
            site.service.forget_peak();
            let request = post(path, &site.intake, &body);
            let start = Barrier::new(4);
            let statuses: Vec<u16> = std::thread::scope(|scope| {
                let one = || {
                    start.wait();
                    Line::new(&site).exchange(&request).status
                };
                let sent: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
                sent.into_iter().map(|sent| sent.join().unwrap()).collect()
            });
            let peak = site.service.peak();
            println!("four {name} of {} bytes at once: {statuses:?}, peak {peak:.0} MiB", body.len());
            assert!(peak <= MOST, "{name}: {peak:.0} MiB");
        }
    });
    site.service.stop();
}
