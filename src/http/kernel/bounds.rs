//! Limits on a request's head, checked before any other work, so that reading the head stays cheap.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};

use super::problem::{Problem, ProblemType};

const QUERY_LIMIT: usize = 8 * 1024;
/// Maximum bytes of the path; the longest path of the OpenAPI document has about 100.
const PATH_LIMIT: usize = 1024;
/// Maximum bytes of the head. Browsers send 16 KB of cookies.
const HEAD_LIMIT: usize = 32 * 1024;
/// Maximum bytes of a header that is parsed as a list.
pub(in crate::http) const LIST_LIMIT: usize = 512;
/// Headers that are parsed as lists before the caller is authenticated, here or in the framework.
const LISTS: [&str; 6] =
    ["accept", "accept-encoding", "accept-language", "access-control-request-headers", "forwarded", "x-forwarded-for"];

pub(in crate::http) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match exceeded(request.head()) {
        Some(problem) => Ok(request.into_response(problem.error_response())),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn exceeded(head: &RequestHead) -> Option<Problem> {
    let (path, query) = (head.uri.path().len(), head.uri.query().map_or(0, str::len));
    if query > QUERY_LIMIT {
        return Some(Problem::new(ProblemType::UriTooLong, format!("the query has at most {QUERY_LIMIT} bytes")));
    }
    if path > PATH_LIMIT {
        return Some(Problem::new(ProblemType::UriTooLong, format!("the path has at most {PATH_LIMIT} bytes")));
    }
    let mut bytes = head.method.as_str().len() + path + query;
    let mut lists = [0; LISTS.len()];
    for (name, value) in &head.headers {
        bytes += name.as_str().len() + value.len();
        if let Some(place) = LISTS.iter().position(|list| name == *list) {
            lists[place] += value.len();
        }
    }
    if bytes > HEAD_LIMIT {
        let detail = format!("the request line and the headers have at most {HEAD_LIMIT} bytes together");
        return Some(Problem::new(ProblemType::HeadTooLarge, detail));
    }
    let (_, name) = lists.into_iter().zip(LISTS).find(|(bytes, _)| *bytes > LIST_LIMIT)?;
    Some(Problem::new(ProblemType::HeadTooLarge, format!("the header {name} has at most {LIST_LIMIT} bytes")))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn kind(request: TestRequest) -> Option<ProblemType> {
        exceeded(request.to_srv_request().head()).map(|problem| problem.kind())
    }

    #[test]
    fn a_head_is_refused_one_byte_above_each_bound() {
        let uri = |path: usize, query: usize| {
            TestRequest::with_uri(&format!("/{}?{}", "a".repeat(path - 1), "b".repeat(query)))
        };
        assert_eq!(kind(uri(PATH_LIMIT, QUERY_LIMIT)), None);
        assert_eq!(kind(uri(PATH_LIMIT, QUERY_LIMIT + 1)), Some(ProblemType::UriTooLong));
        assert_eq!(kind(uri(PATH_LIMIT + 1, QUERY_LIMIT)), Some(ProblemType::UriTooLong));
        let whole = HEAD_LIMIT - "GET".len() - "/".len() - "cookie".len();
        let cookie = |bytes: usize| TestRequest::with_uri("/").insert_header(("cookie", "c".repeat(bytes)));
        assert_eq!(kind(cookie(whole)), None);
        assert_eq!(kind(cookie(whole + 1)), Some(ProblemType::HeadTooLarge));
        let half = "d".repeat(LIST_LIMIT / 2);
        let lists = |rest: &str| {
            let request = TestRequest::with_uri("/").append_header(("accept", half.clone()));
            request.append_header(("accept", format!("{half}{rest}"))).append_header(("accept-language", half.clone()))
        };
        assert_eq!(kind(lists("")), None);
        assert_eq!(kind(lists("x")), Some(ProblemType::HeadTooLarge));
    }
}
