//! Rate limit headers: `RateLimit-Policy` and `RateLimit` as in draft-ietf-httpapi-ratelimit-headers-10.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::app::access::limits::{Limit, RateStatus, WINDOW};

/// The header with the limits.
pub(in crate::http) const POLICY: &str = "ratelimit-policy";
/// The header with the remaining quotas.
pub(in crate::http) const LEFT: &str = "ratelimit";

/// The limits of the caller, kept with the request until it is answered.
#[derive(Clone, Copy)]
pub(in crate::http) struct Counted(pub RateStatus);

impl Counted {
    /// Sets the headers with the limits, the remaining quotas, and when they are full again.
    pub(in crate::http) fn tell(self, headers: &mut HeaderMap) {
        let window = WINDOW.as_secs();
        let limits = || self.0.into_iter().filter(|limit| limit.quota > 0);
        let policy = limits().map(|Limit { name, quota, .. }| format!("\"{name}\";q={quota};w={window}"));
        let left = limits().filter_map(|Limit { name, quota, left }| {
            // The quota refills steadily, so it is full again after the share of the window that was used.
            let used = u64::from(quota.saturating_sub(left?));
            Some(format!("\"{name}\";r={};t={}", left?, (used * window).div_ceil(u64::from(quota))))
        });
        for (name, values) in [(POLICY, policy.collect::<Vec<_>>()), (LEFT, left.collect())] {
            if let Ok(value) = HeaderValue::from_maybe_shared(values.join(", "))
                && !value.is_empty()
            {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(limits: [(u32, Option<u32>); 3]) -> (String, String) {
        let mut headers = HeaderMap::new();
        let mut names = ["address", "credential", "clinic"].into_iter();
        Counted(limits.map(|(quota, left)| Limit { name: names.next().unwrap(), quota, left })).tell(&mut headers);
        let text = |name: &str| headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
        (text(POLICY), text(LEFT))
    }

    #[test]
    fn each_limit_is_listed_except_those_that_are_off() {
        let all = headers([(30, Some(29)), (60, Some(58)), (600, Some(599))]);
        assert_eq!(all.0, "\"address\";q=30;w=60, \"credential\";q=60;w=60, \"clinic\";q=600;w=60");
        assert_eq!(all.1, "\"address\";r=29;t=2, \"credential\";r=58;t=2, \"clinic\";r=599;t=1");
        assert_eq!(headers([(0, None), (0, None), (600, Some(0))]).1, "\"clinic\";r=0;t=60");
        assert_eq!(headers([(0, None); 3]), (String::new(), String::new()));
    }

    #[test]
    fn a_limit_that_was_not_checked_reports_no_remaining_quota() {
        let refused = headers([(0, None), (60, Some(0)), (600, None)]);
        assert_eq!(refused.1, "\"credential\";r=0;t=60");
    }
}
