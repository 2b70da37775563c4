//! The client address of a request, and the base URL that the client used. Proxy headers are used for both, but only if the peer
//! is a trusted proxy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::Authority;
use ipnet::IpNet;

use super::state::Settings;

/// The client address of a request.
pub(in crate::http) fn client(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let headers = request.headers().get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default());
    let entries: Vec<&str> = headers.flat_map(|value| value.split(',')).collect();
    forwarded(peer(request), &entries, trusted)
}

fn peer(request: &HttpRequest) -> IpAddr {
    // A real connection always has a peer address; requests built by framework tests have none.
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
}

/// The base URL that the client used, without a path: from the settings, else from a trusted proxy, else from the request.
pub(in crate::http) fn base(request: &HttpRequest, settings: &Settings) -> String {
    if let Some(url) = &settings.public_url {
        return url.clone();
    }
    let peer = peer(request).to_canonical();
    named(request.headers(), settings.trusted_proxies.iter().any(|network| network.contains(&peer)))
}

fn named(headers: &HeaderMap, proxied: bool) -> String {
    // The nearest proxy writes the last entry.
    let last = |name: &str| headers.get_all(name).last()?.to_str().ok()?.rsplit(',').next().map(str::trim);
    let of_proxy = |name: &str| proxied.then(|| last(name)).flatten();
    let host = |text: &str| Authority::try_from(text).ok().filter(|host| !host.as_str().contains('@'));
    let host = of_proxy("x-forwarded-host").and_then(host).or_else(|| last(HOST.as_str()).and_then(host));
    let scheme = of_proxy("x-forwarded-proto").filter(|scheme| ["http", "https"].contains(scheme)).unwrap_or("http");
    format!("{scheme}://{}", host.as_ref().map_or("localhost", Authority::as_str))
}

/// Follows the entries from last to first while the writer of an entry is trusted. Entries further to the front can be forged.
fn forwarded(peer: IpAddr, entries: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for entry in entries.iter().rev() {
        if !trusted.iter().any(|network| network.contains(&address)) {
            break;
        }
        let Some(before) = parse(entry.trim()) else { break };
        address = before.to_canonical();
    }
    address
}

/// Parses an entry: an address, which some proxies write with a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, entries: &[&str]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).into();
        forwarded(peer.parse().unwrap(), entries, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_sets_the_address() {
        assert_eq!(from("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn the_last_entry_that_is_not_a_trusted_proxy_counts() {
        assert_eq!(from("10.0.0.1", &["203.0.113.9", " 198.51.100.7", "10.1.2.3 "]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["10.0.0.3", "10.0.0.2"]), "10.0.0.3");
        assert_eq!(from("fd00::1", &["2001:db8::5"]), "2001:db8::5");
        assert_eq!(from("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["[2001:db8::5]:443"]), "2001:db8::5");
        assert_eq!(from("10.0.0.1", &["[2001:db8::5]"]), "2001:db8::5");
    }

    #[test]
    fn an_invalid_entry_ends_the_search_at_the_proxy_that_wrote_it() {
        assert_eq!(from("10.0.0.1", &["198.51.100.7", "unknown"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }

    fn reached(headers: &[(&'static str, &'static str)], proxied: bool) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), value.parse().unwrap());
        }
        named(&map, proxied)
    }

    #[test]
    fn headers_of_a_proxy_name_the_service_only_if_the_proxy_is_trusted() {
        let headers = [("host", "inner:8080"), ("x-forwarded-host", "clinic.example"), ("x-forwarded-proto", "https")];
        assert_eq!(reached(&headers, true), "https://clinic.example");
        assert_eq!(reached(&headers, false), "http://inner:8080");
        let several = [("host", "inner"), ("x-forwarded-host", "evil.example, clinic.example")];
        assert_eq!(reached(&several, true), "http://clinic.example");
        let forwarded = [("host", "inner"), ("forwarded", "host=evil.example;proto=https")];
        assert_eq!(reached(&forwarded, true), "http://inner");
    }

    #[test]
    fn an_invalid_host_is_ignored() {
        let odd = [("host", "inner"), ("x-forwarded-host", "a b"), ("x-forwarded-proto", "javascript")];
        assert_eq!(reached(&odd, true), "http://inner");
        assert_eq!(reached(&[("host", "user@evil.example")], false), "http://localhost");
        assert_eq!(reached(&[], false), "http://localhost");
    }
}
