//! Files that are served without asking the app. Nothing here runs anything.

mod content_type;
mod digests;
mod open;
mod range;

pub(crate) use content_type::{TYPES, UNKNOWN};
pub(super) use digests::Digests;

use super::{Body, BodyError, backend::Backend, route::Front, whole};
use crate::{dirs::Dirs, state};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::{Bytes, Frame},
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, IF_RANGE,
        LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS,
    },
    http::request::Parts,
};
use open::Opened;
pub(super) use open::holds;
use range::Wanted;
use silver_plugin_api::TreePath;
use std::{
    io::{self, SeekFrom},
    path::PathBuf,
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// A file is passed on in pieces of so many bytes.
const PIECE: usize = 64 << 10;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// Below which directory.
    pub(super) root: PathBuf,
    /// The path below it as it was asked for, still encoded.
    pub(super) path: String,
    /// Does a directory answer with its `index.html`?
    pub(super) directory: bool,
    /// Does the address change whenever the bytes do?
    pub(super) forever: bool,
    /// Is it written by the app? Then no link is followed.
    pub(super) public: bool,
}

/// The bytes of an encoded path; `None` when it is not one that a file could have: a `.` or `..`
/// segment, a name that begins with a dot (but `.well-known`), NUL, a slash that was encoded.
pub(super) fn decode(path: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?;
            if value == b'/' || value == 0 {
                return None;
            }
            decoded.push(value);
        } else {
            decoded.push(byte);
        }
    }
    let inner = decoded.strip_suffix(b"/").unwrap_or(&decoded);
    let fine = |part: &[u8]| !part.is_empty() && (!part.starts_with(b".") || part == b".well-known");
    (inner.is_empty() || inner.split(|&byte| byte == b'/').all(fine)).then_some(decoded)
}

/// The asset directories of a release of the same app that lies on this node; also of former ones,
/// whose pages are still open somewhere.
pub(super) fn assets(dirs: &Dirs, backend: &Backend, label: &str) -> Option<Vec<TreePath>> {
    if label == backend.placed.label {
        return Some(backend.placed.release.assets.clone());
    }
    let number = label.strip_prefix(backend.placed.app())?.strip_prefix('.')?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return None;
    }
    Some(state::release(dirs, backend.placed.app(), label).ok()?.release.assets)
}

/// The file, or `None` when there is none.
pub(super) async fn answer(front: &Front, request: &Parts, asked: Asked) -> Option<Response<Body>> {
    let path = decode(&asked.path)?;
    let digests = front.digests.clone();
    let Asked { root, directory, forever, public, .. } = asked;
    let opened = tokio::task::spawn_blocking(move || open::open(&digests, &root, path, directory, public)).await.ok()??;
    match opened {
        Opened::File(file) => Some(respond(request, file, forever)),
        Opened::DirectoryWithoutSlash => {
            let (path, query) = (request.uri.path(), request.uri.query());
            // from the path of this host only: `//evil` would be another one
            let to = format!("/{}/{}", path.trim_matches('/'), query.map(|query| format!("?{query}")).unwrap_or_default());
            let mut response = Response::new(whole(""));
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(LOCATION, HeaderValue::from_str(&to).ok()?);
            Some(response)
        }
    }
}

fn respond(request: &Parts, found: open::Found, forever: bool) -> Response<Body> {
    let open::Found { file, size, digest, kind } = found;
    let etag = HeaderValue::from_str(&format!("\"{}\"", digest.hex())).unwrap_or(HeaderValue::from_static("\"\""));
    let mut response = Response::new(whole(""));
    let headers = response.headers_mut();
    headers.insert(ETAG, etag.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let cache = if forever { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if has(&request.headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (from, length) = match wanted(&request.headers, &etag, size) {
        Wanted::Whole => (0, size),
        Wanted::Part { from, length } => {
            let range = format!("bytes {from}-{}/{size}", from + length - 1);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            insert(&mut response, CONTENT_RANGE, &range);
            (from, length)
        }
        Wanted::Nothing => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            insert(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return response;
        }
    };
    insert(&mut response, CONTENT_LENGTH, &length.to_string());
    if request.method != Method::HEAD && length > 0 {
        *response.body_mut() = pieces(file, from, length);
    }
    response
}

fn insert(response: &mut Response<Body>, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn has(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let mut named =
        headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    named.any(|name| {
        let name = name.trim();
        name == "*" || name.strip_prefix("W/").unwrap_or(name).as_bytes() == etag.as_bytes()
    })
}

fn wanted(headers: &HeaderMap, etag: &HeaderValue, size: u64) -> Wanted {
    let current = headers.get(IF_RANGE).is_none_or(|value| value == etag);
    match headers.get(RANGE).and_then(|value| value.to_str().ok()) {
        Some(range) if current => range::parse(range, size),
        _ => Wanted::Whole,
    }
}

fn pieces(file: std::fs::File, from: u64, length: u64) -> Body {
    let file = tokio::fs::File::from_std(file);
    let pieces = stream::try_unfold((file, Some(from), length), |(mut file, seek, left)| async move {
        if left == 0 {
            return Ok::<_, BodyError>(None);
        }
        if let Some(from) = seek {
            file.seek(SeekFrom::Start(from)).await?;
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let count = file.read(&mut piece).await?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()); // shortened meanwhile
        }
        piece.truncate(count);
        Ok(Some((Frame::data(Bytes::from(piece)), (file, None, left - count as u64))))
    });
    StreamBody::new(pieces).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_a_file_could_have() {
        for fine in ["", "a", "a/b.css", "a/", "%C3%A9", "a%20b", ".well-known/x"] {
            assert!(decode(fine).is_some(), "{fine}");
        }
        for wrong in [
            "..",
            "../a",
            "a/../b",
            "%2e%2e/a",
            ".git/config",
            "a/.htpasswd",
            "a//b",
            "/a",
            "a%2fb",
            "a%00",
            "%",
            "%4",
            "%zz",
            "./a",
            "a/.",
        ] {
            assert!(decode(wrong).is_none(), "{wrong}");
        }
    }
}
