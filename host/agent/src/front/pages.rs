//! The pages that the front answers by itself. They name nothing but the app that was asked for.

use super::{Body, whole};
use hyper::{
    Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};

/// The text of a short page.
pub(crate) fn html(status: StatusCode, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = status.canonical_reason().unwrap_or_default();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n</html>\n",
        status.as_u16()
    )
}

/// A short page.
pub(super) fn page(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(whole(html(status, text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 503 with a time to come back.
pub(super) fn come_back(text: &str, seconds: u32) -> Response<Body> {
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Nothing is served under that name.
pub(super) fn unknown() -> Response<Body> {
    page(StatusCode::NOT_FOUND, "No application answers at this address.")
}
