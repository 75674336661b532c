//! What a file is, by the end of its name.

/// The content type; bytes that are not known are offered for saving.
pub(super) fn of(name: &[u8]) -> &'static str {
    let end = name.rsplit(|&byte| byte == b'.').next().filter(|end| end.len() < name.len()).unwrap_or_default();
    match end.to_ascii_lowercase().as_slice() {
        b"html" | b"htm" => "text/html; charset=utf-8",
        b"css" => "text/css; charset=utf-8",
        b"js" | b"mjs" => "text/javascript; charset=utf-8",
        b"json" | b"map" => "application/json",
        b"txt" | b"md" | b"rst" | b"log" | b"diff" | b"patch" => "text/plain; charset=utf-8",
        b"csv" => "text/csv; charset=utf-8",
        b"xml" => "application/xml",
        b"atom" => "application/atom+xml",
        b"rss" => "application/rss+xml",
        b"svg" => "image/svg+xml",
        b"png" => "image/png",
        b"jpg" | b"jpeg" => "image/jpeg",
        b"gif" => "image/gif",
        b"webp" => "image/webp",
        b"avif" => "image/avif",
        b"ico" => "image/vnd.microsoft.icon",
        b"bmp" => "image/bmp",
        b"woff" => "font/woff",
        b"woff2" => "font/woff2",
        b"ttf" => "font/ttf",
        b"otf" => "font/otf",
        b"eot" => "application/vnd.ms-fontobject",
        b"mp3" => "audio/mpeg",
        b"ogg" | b"oga" => "audio/ogg",
        b"wav" => "audio/wav",
        b"mp4" => "video/mp4",
        b"webm" => "video/webm",
        b"pdf" => "application/pdf",
        b"wasm" => "application/wasm",
        b"webmanifest" => "application/manifest+json",
        b"zip" => "application/zip",
        b"gz" | b"tgz" => "application/gzip",
        b"tar" => "application/x-tar",
        _ => "application/octet-stream",
    }
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
