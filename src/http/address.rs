//! Whose address a request comes from: the peer's, unless the peer is a proxy whose word is taken.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The address of whoever sent a request.
pub(super) fn of(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    // A connection always has a peer; requests made up by tests of the framework have none.
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let headers = request.headers().get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default());
    let entries: Vec<&str> = headers.flat_map(|value| value.split(',')).collect();
    forwarded(peer, &entries, trusted)
}

/// Follows the entries from the last one back, for as long as whoever wrote an entry is trusted. Anybody can write
/// anything further to the front.
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

/// An entry: an address, which some proxies write with a port.
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
    fn nobody_but_a_trusted_proxy_chooses_the_address() {
        assert_eq!(from("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn the_last_entry_that_no_trusted_proxy_wrote_about_itself_counts() {
        assert_eq!(from("10.0.0.1", &["203.0.113.9", " 198.51.100.7", "10.1.2.3 "]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["10.0.0.3", "10.0.0.2"]), "10.0.0.3");
        assert_eq!(from("fd00::1", &["2001:db8::5"]), "2001:db8::5");
        assert_eq!(from("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["[2001:db8::5]:443"]), "2001:db8::5");
        assert_eq!(from("10.0.0.1", &["[2001:db8::5]"]), "2001:db8::5");
    }

    #[test]
    fn what_is_no_address_ends_the_search_at_the_proxy_that_wrote_it() {
        assert_eq!(from("10.0.0.1", &["198.51.100.7", "unknown"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }
}
