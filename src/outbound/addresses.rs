//! The addresses that webhooks may be sent to: public addresses, and private ones that the operator allows. The check
//! applies to the address that is connected to, not to a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;

use crate::domain::fault::Sentence;

/// The operator's allow list in addition to public addresses.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    allowed: Vec<IpNet>,
}

/// IPv4 networks that are not public or not hosts: IANA's special-purpose registry, multicast, and the one public address
/// on which a cloud provider serves its own machines.
const PRIVATE_V4: [([u8; 4], u8); 17] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];
/// Excluded from the public range of IPv6: Teredo and other protocols, documentation, 6to4. They carry IPv4 addresses or
/// are unused.
const PRIVATE_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

impl Addresses {
    /// Allows public addresses and the given networks.
    pub const fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether requests may be sent to an address. Without encryption, only allowed networks are permitted.
    pub fn fit(&self, address: IpAddr, encrypted: bool) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address)) || (encrypted && public(address))
    }

    /// Parses a clinic's webhook address. A host name is resolved at each attempt. Fails with a sentence that says why
    /// the address cannot be used.
    pub fn read(&self, text: &str) -> Result<Url, Sentence> {
        let url = Url::parse(text).map_err(|_| {
            Sentence::new(
                "must be an address such as https://clinic.example/hooks",
                "debe ser una dirección como https://clinic.example/hooks",
            )
        })?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Sentence::new("must begin with https://", "debe empezar por https://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Sentence::new(
                "must contain no user name and no password",
                "no debe contener usuario ni contraseña",
            ));
        }
        if url.fragment().is_some() {
            return Err(Sentence::new("must contain no fragment", "no debe contener fragmento"));
        }
        match literal(&url) {
            Some(address) if !self.fit(address, encrypted) => Err(Sentence::new(
                "is not an address that webhooks may be sent to; send a public address",
                "no es una dirección a la que se puedan enviar webhooks; envíe una dirección pública",
            )),
            None if !encrypted && self.allowed.is_empty() => {
                Err(Sentence::new("must begin with https://", "debe empezar por https://"))
            }
            _ if url.host_str().is_none_or(str::is_empty) => {
                Err(Sentence::new("must name a host", "debe indicar un servidor"))
            }
            _ => Ok(url),
        }
    }
}

/// The IP address in a URL, if its host is one. The URL parser has already normalized octal, hexadecimal and single-number
/// notations.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let within = |(network, prefix)| Ipv4Net::new_assert(Ipv4Addr::from(network), prefix).contains(&address);
            !PRIVATE_V4.into_iter().any(within)
        }
        IpAddr::V6(address) => {
            let within = |(network, prefix)| Ipv6Net::new_assert(network, prefix).contains(&address);
            address.segments()[0] & 0xe000 == 0x2000 && !PRIVATE_V6.into_iter().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_allowed_and_private_ones_only_if_the_operator_allows_them() {
        let none = Addresses::default();
        for address in ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "100.63.255.255", "172.32.0.1"] {
            assert!(none.fit(address.parse().unwrap(), true), "{address}");
            assert!(!none.fit(address.parse().unwrap(), false), "{address} without encryption");
        }
        let some = Addresses::new(vec!["10.1.0.0/16".parse().unwrap()]);
        for encrypted in [true, false] {
            assert!(some.fit("10.1.2.3".parse().unwrap(), encrypted));
            assert!(some.fit("::ffff:10.1.2.3".parse().unwrap(), encrypted));
            assert!(!some.fit("10.2.2.3".parse().unwrap(), encrypted));
        }
    }
}
