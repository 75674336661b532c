//! Which URLs are asked: HTTPS, a host and nothing else before the path; and where a redirect leads.

use silver_plugin_api::{Failure, path::plain};
use ureq::http::Uri;

/// The URL, if it may be asked at all.
pub(super) fn checked(url: &str) -> Result<Uri, Failure> {
    let wrong = |why: &str| Failure::invalid("url", format!("`{}`: {why}", plain(url)), Some("https://HOST/PATH"));
    // what comes after `#` stays here
    let uri: Uri = url.split('#').next().unwrap_or_default().parse().map_err(|_| wrong("this is no URL"))?;
    if uri.scheme_str() != Some("https") {
        return Err(wrong("only https is fetched"));
    }
    let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
    if authority.as_str() != authority.host() || authority.host().is_empty() {
        return Err(wrong("no user and no port, only a host"));
    }
    Ok(uri)
}

/// Where `location` leads from `base`. Another host is refused, since nobody granted it.
pub(super) fn target(base: &Uri, location: &str) -> Result<Uri, Failure> {
    let host = base.host().unwrap_or_default();
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("https:{location}")
    } else if location.starts_with('/') {
        format!("https://{host}{location}")
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("https://{host}{directory}/{location}")
    };
    let target = checked(&absolute)?;
    if !target.host().is_some_and(|other| other.eq_ignore_ascii_case(host)) {
        let message = format!("http: `{host}` redirects to `{}`, which was not granted", plain(&absolute));
        return Err(Failure::Denied(message));
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_a_host_is_asked() {
        for fine in ["https://a.example", "https://a.example/x?y=1", "https://A.example/#part"] {
            assert!(checked(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://a.example/",
            "https://u@a.example/",
            "https://a.example:444/",
            "https:///x",
            "/x",
            "",
            "ftp://a.example",
            "https://a example/",
        ] {
            assert!(matches!(checked(wrong), Err(Failure::Invalid(_))), "{wrong}");
        }
    }

    #[test]
    fn a_redirect_stays_on_its_host() {
        let base = checked("https://a.example/d/e?q").unwrap();
        for (location, leads) in [
            ("/x", "https://a.example/x"),
            ("f", "https://a.example/d/f"),
            ("https://a.example/y#z", "https://a.example/y"),
            ("//A.EXAMPLE/y", "https://A.EXAMPLE/y"),
        ] {
            assert_eq!(target(&base, location).unwrap().to_string(), leads);
        }
        for other in ["https://b.example/", "//b.example/", "https://a.example.b.example/"] {
            assert!(matches!(target(&base, other), Err(Failure::Denied(_))), "{other}");
        }
        for wrong in [
            "http://a.example/",
            "https://u@a.example/",
            "https://a.example:8443/",
            "file:///etc/passwd",
            "//a.example@b.example/",
        ] {
            assert!(matches!(target(&base, wrong), Err(Failure::Invalid(_))), "{wrong}");
        }
    }
}
