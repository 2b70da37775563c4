//! Webhooks cannot reach internal addresses: in any notation, by name, or by a name that changes.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sarcoscreen::app::{Addresses, Names, Receivers};
use serde_json::json;
use tokio::net::TcpListener;

use super::receiver::{Manner, Receiver};
use super::{Delivering, log, register, until};
use crate::world::World;

/// Internal addresses in URLs.
const LITERAL: &str = "
https://127.0.0.1/ https://127.0.0.1:8443/ https://127.1/ https://127.0.1/ https://2130706433/ https://0x7f000001/
https://0x7f.0.0.1/ https://0177.0.0.1/ https://017700000001/ https://127.0.0.1./ https://127.255.255.254/
https://%31%32%37.0.0.1/ https://①②⑦.0.0.1/ https://127。0。0。1/ https://0.0.0.0/ https://0/ https://0.1.2.3/
https://10.0.0.1/ https://10.255.255.255/ https://012.0.0.1/ https://172.16.0.1/ https://172.31.255.254/
https://192.168.1.1/ https://0xc0a80101/ https://100.64.0.1/ https://100.127.255.254/ https://100.100.100.200/
https://169.254.169.254/ https://2852039166/ https://0xa9fea9fe/ https://169.254.1.1/ https://168.63.129.16/
https://192.0.0.192/ https://192.0.2.1/ https://192.88.99.1/ https://198.18.0.1/ https://198.51.100.1/
https://203.0.113.1/ https://224.0.0.1/ https://239.255.255.255/ https://240.0.0.1/ https://255.255.255.255/
https://[::1]/ https://[::]/ https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[::ffff:a9fe:a9fe]/
https://[::ffff:10.0.0.1]/ https://[::127.0.0.1]/ https://[64:ff9b::7f00:1]/ https://[64:ff9b:1::a00:1]/
https://[2002:7f00:1::]/ https://[2002:a00:1::1]/ https://[2001::7f00:1]/ https://[2001:0:4136:e378::1]/
https://[fc00::1]/ https://[fd00:ec2::254]/ https://[fe80::1]/ https://[fec0::1]/ https://[ff02::1]/
https://[2001:db8::1]/ https://[100::1]/
http://8.8.8.8/ http://clinic.example/ https://ana:secret@clinic.example/ https://clinic.example@127.0.0.1/
https://clinic.example:pw@10.0.0.1/ https://127.0.0.1#@clinic.example/ https://127.0.0.1\\@clinic.example/
ftp://clinic.example/ file:///etc/passwd gopher://127.0.0.1/ javascript:alert(1) //127.0.0.1/ https:///127.0.0.1/
";

/// Names and the addresses to which they resolve.
const NAMED: [(&str, &str); 8] = [
    ("localhost", "127.0.0.1"),
    ("metadata.example", "169.254.169.254"),
    ("10.0.0.1.dns.example", "10.0.0.1"),
    ("six.example", "::1"),
    ("mapped.example", "::ffff:192.168.0.1"),
    ("local.example", "fd00::1"),
    ("shared.example", "100.64.0.1"),
    ("nat64.example", "64:ff9b::a00:1"),
];

/// A resolver for the names of the test.
struct Given<F>(F, Arc<AtomicUsize>);

impl<F: Fn(&str, usize) -> Vec<IpAddr> + Send + Sync> Names for Given<F> {
    fn look_up(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        let found = (self.0)(&name, self.1.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move { Ok(found) })
    }
}

#[tokio::test]
async fn internal_addresses_are_refused_in_any_notation_and_by_name() {
    let resolved = |name: &str, _| NAMED.iter().filter(|row| row.0 == name).map(|row| row.1.parse().unwrap()).collect();
    let names = Arc::new(Given(resolved, Arc::default()));
    let receivers = Receivers::new(Addresses::default(), names, Duration::from_secs(1));
    let world = World::built(|_| {}, |app| app.with_receivers(receivers)).await;
    let clinic = world.clinic("One").await;
    let (mut tried, mut refused) = (0, 0);
    for url in LITERAL.split_whitespace() {
        tried += 1;
        let answer = clinic.admin.post("/v1/webhooks", &json!({"url": url, "events": ["ping"]})).await;
        assert!(answer.status == 422 && answer.pointers() == ["/url"], "{url}: {}", answer.text);
        refused += 1;
    }
    let job = Delivering::start(&world.app);
    for (name, _) in NAMED {
        tried += 1;
        let (webhook, _) = register(&clinic, &format!("https://{name}/hooks"), &["ping"]).await;
        clinic.admin.post(&format!("{webhook}/ping"), &json!({})).await.expect(202);
        until(name, async || log(&clinic, &webhook).await[0]["attempts"][0]["failure"] == "address_refused").await;
        refused += 1;
    }
    job.stop().await;
    println!("{refused} of {tried} addresses refused");
    assert!(tried >= 60 && refused == tried);
}

#[tokio::test]
async fn dns_rebinding_and_redirections_do_not_reach_internal_addresses() {
    let outer = Receiver::start(Manner::Takes).await;
    let port = reqwest::Url::parse(&outer.url).unwrap().port().unwrap();
    // A private listener on the same port of another address: it must see no connection.
    let inner = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let seen = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&seen);
    tokio::spawn(async move {
        while inner.accept().await.is_ok() {
            *counting.lock().unwrap() += 1;
        }
    });
    let looked_up = Arc::new(AtomicUsize::new(0));
    let changing = |_: &str, time: usize| vec![[127, 0, 0, if time == 0 { 1 } else { 2 }].into()];
    let names = Arc::new(Given(changing, Arc::clone(&looked_up)));
    let addresses = Addresses::new(vec!["127.0.0.1/32".parse().unwrap()]);
    let receivers = Receivers::new(addresses, names, Duration::from_secs(1));
    let world = World::built(|_| {}, |app| app.with_receivers(receivers)).await;
    let clinic = world.clinic("One").await;
    let job = Delivering::start(&world.app);
    let (webhook, _) = register(&clinic, &format!("http://changing.example:{port}/hooks"), &["ping"]).await;
    let ping = async |webhook: &str| clinic.admin.post(&format!("{webhook}/ping"), &json!({})).await.expect(202);
    ping(&webhook).await;
    outer.attempts(1).await;
    until("delivered", async || log(&clinic, &webhook).await[0]["state"] == "delivered").await;
    // One DNS query per attempt: the checked address is the one that is used.
    assert_eq!(looked_up.load(Ordering::SeqCst), 1);
    ping(&webhook).await;
    until("refused", async || log(&clinic, &webhook).await[0]["attempts"][0]["failure"] == "address_refused").await;
    assert_eq!(looked_up.load(Ordering::SeqCst), 2);
    outer.becomes(Manner::Says(format!("307 Temporary Redirect\r\nlocation: http://127.0.0.2:{port}/")));
    let (redirected, _) = register(&clinic, &outer.url, &["ping"]).await;
    ping(&redirected).await;
    until("answered", async || log(&clinic, &redirected).await[0]["attempts"][0]["status"] == 307).await;
    assert_eq!(log(&clinic, &redirected).await[0]["state"], "pending");
    assert_eq!(*seen.lock().unwrap(), 0);
    job.stop().await;
}
