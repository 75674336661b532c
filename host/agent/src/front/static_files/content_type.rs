//! What a file is, by the end of its name.

/// What is known: ends of names, and the content type of such files.
pub(crate) const TYPES: &[(&[&str], &str)] = &[
    (&["html", "htm"], "text/html; charset=utf-8"),
    (&["css"], "text/css; charset=utf-8"),
    (&["js", "mjs"], "text/javascript; charset=utf-8"),
    (&["json", "map"], "application/json"),
    (&["txt", "md", "rst", "log", "diff", "patch"], "text/plain; charset=utf-8"),
    (&["csv"], "text/csv; charset=utf-8"),
    (&["xml"], "application/xml"),
    (&["atom"], "application/atom+xml"),
    (&["rss"], "application/rss+xml"),
    (&["svg"], "image/svg+xml"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["avif"], "image/avif"),
    (&["ico"], "image/vnd.microsoft.icon"),
    (&["bmp"], "image/bmp"),
    (&["woff"], "font/woff"),
    (&["woff2"], "font/woff2"),
    (&["ttf"], "font/ttf"),
    (&["otf"], "font/otf"),
    (&["eot"], "application/vnd.ms-fontobject"),
    (&["mp3"], "audio/mpeg"),
    (&["ogg", "oga"], "audio/ogg"),
    (&["wav"], "audio/wav"),
    (&["mp4"], "video/mp4"),
    (&["webm"], "video/webm"),
    (&["pdf"], "application/pdf"),
    (&["wasm"], "application/wasm"),
    (&["webmanifest"], "application/manifest+json"),
    (&["zip"], "application/zip"),
    (&["gz", "tgz"], "application/gzip"),
    (&["tar"], "application/x-tar"),
];

/// Bytes that are not known are offered for saving.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// The content type of a file.
pub(super) fn of(name: &[u8]) -> &'static str {
    let end = name.rsplit(|&byte| byte == b'.').next().filter(|end| end.len() < name.len()).unwrap_or_default();
    let known = |(ends, _): &&(&[&str], &str)| ends.iter().any(|known| end.eq_ignore_ascii_case(known.as_bytes()));
    TYPES.iter().find(known).map_or(UNKNOWN, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    #[test]
    fn by_the_end_of_the_name() {
        for (name, kind) in [
            ("a.HTML", "text/html; charset=utf-8"),
            ("a.tar.gz", "application/gzip"),
            ("html", "application/octet-stream"),
            ("x.php", "application/octet-stream"),
        ] {
            assert_eq!(super::of(name.as_bytes()), kind);
        }
    }
}
