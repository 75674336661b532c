//! Moments as people read them.

/// An RFC 3339 moment without fractions of a second.
pub fn seconds(moment: &str) -> String {
    match moment.split_once('.') {
        Some((whole, fraction)) => format!("{whole}{}", fraction.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => moment.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn fractions_go_and_zones_stay() {
        for (long, short) in [
            ("2026-11-22T18:49:04.547394368Z", "2026-11-22T18:49:04Z"),
            ("2026-11-22T18:49:04.5+02:00", "2026-11-22T18:49:04+02:00"),
            ("2026-11-22T18:49:04Z", "2026-11-22T18:49:04Z"),
        ] {
            assert_eq!(seconds(long), short);
        }
    }
}
