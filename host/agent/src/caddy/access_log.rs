//! The requests of an app, as Caddy writes them down.

use super::places::Places;
use crate::dirs::Dirs;
use serde_json::Value;
use std::path::PathBuf;

/// Where they are.
pub(crate) fn access_log(dirs: &Dirs, app: &str) -> PathBuf {
    Places::of(dirs).logs.join(format!("{app}.log"))
}

/// A line of it in the words of the own front: time, host, visitor, method, path, status, bytes, duration.
pub(crate) fn access_line(json: &str) -> Option<String> {
    let line: Value = serde_json::from_str(json).ok()?;
    let request = line.get("request")?;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    #[allow(clippy::cast_possible_truncation)] // milliseconds since 1970 fit
    let at = jiff::Timestamp::from_millisecond((line.get("ts")?.as_f64()? * 1e3) as i64).ok()?;
    let host = crate::front::host_name(text("host")?).unwrap_or_else(|| "-".into());
    let milliseconds = line.get("duration")?.as_f64()? * 1e3;
    let (status, bytes) = (line.get("status")?.as_u64()?, line.get("size")?.as_u64()?);
    Some(format!(
        "{at:.3} {host} {} {} {} {status} {bytes} {milliseconds:.0}ms",
        text("remote_ip")?,
        text("method")?,
        text("uri")?
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_caddy_reads_as_one_of_ours() {
        let line = r#"{"level":"info","ts":1795393696.4841,"logger":"http.log.access.silver-a","msg":"handled request","request":{"remote_ip":"10.0.0.1","remote_port":"1","proto":"HTTP/1.1","method":"GET","host":"A.example:80","uri":"/x?"},"duration":0.0123,"size":5,"status":200}"#;
        assert_eq!(super::access_line(line).unwrap(), "2026-11-23T00:28:16.484Z a.example 10.0.0.1 GET /x? 200 5 12ms");
        assert_eq!(super::access_line("half a li"), None);
    }
}
