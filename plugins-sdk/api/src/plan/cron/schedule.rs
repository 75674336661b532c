//! The five fields of a crontab (crontab(5)), read once.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// When a command is due: minute, hour, day of the month, month, day of the week, in the node's time zone. As
/// in a crontab, a command with both kinds of days is due on either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("`{0}` is not a schedule: minute, hour, day of the month, month, day of the week, as in a crontab")]
    Fields(String),
    /// A field makes no sense.
    #[error("`{field}` is not a {what}: {least} to {most}, with `,`, `-`, `*` and `/` as in a crontab")]
    Field {
        /// The field.
        field: String,
        /// What it is of.
        what: &'static str,
        /// The smallest number.
        least: u8,
        /// The largest.
        most: u8,
    },
    /// It is never due.
    #[error("`{0}` is never due: none of its months has such a day")]
    Never(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    values: BTreeSet<u8>,
    /// Did it begin with `*`? Then, of the two kinds of days, the other one counts.
    star: bool,
}

struct Kind {
    what: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const MINUTE: Kind = Kind { what: "minute", least: 0, most: 59, names: &[] };
const HOUR: Kind = Kind { what: "hour", least: 0, most: 23, names: &[] };
const DAY: Kind = Kind { what: "day of the month", least: 1, most: 31, names: &[] };
const MONTH: Kind = Kind {
    what: "month",
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Kind =
    Kind { what: "day of the week", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// As systemd.time(7) names them, Sunday first.
const SYSTEMD: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The most days that each month can have.
const LENGTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let written = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = written.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::Fields(shown(text)));
        };
        let mut weekdays = field(weekday, &WEEKDAY)?;
        if weekdays.values.remove(&7) {
            weekdays.values.insert(0);
        }
        let made = Self {
            text: text.to_string(),
            minutes: field(minute, &MINUTE)?,
            hours: field(hour, &HOUR)?,
            days: field(day, &DAY)?,
            months: field(month, &MONTH)?,
            weekdays,
        };
        let possible = |month: &u8| made.days.values.iter().any(|day| *day <= LENGTHS[usize::from(*month - 1)]);
        if made.weekdays.star && !made.months.values.iter().any(possible) {
            return Err(ScheduleError::Never(shown(text)));
        }
        Ok(made)
    }
}

fn field(text: &str, kind: &Kind) -> Result<Field, ScheduleError> {
    let wrong = || ScheduleError::Field { field: shown(text), what: kind.what, least: kind.least, most: kind.most };
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, number(step).filter(|step| *step > 0).ok_or_else(wrong)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (kind.least, if kind.what == WEEKDAY.what { 6 } else { kind.most }),
            Some((from, to)) => (value(from, kind).ok_or_else(wrong)?, value(to, kind).ok_or_else(wrong)?),
            // a step from one number on means different things to different crons
            None if part.contains('/') => return Err(wrong()),
            None => {
                let one = value(range, kind).ok_or_else(wrong)?;
                (one, one)
            }
        };
        if from > to {
            return Err(wrong());
        }
        values.extend((from..=to).step_by(usize::from(step)));
    }
    Ok(Field { values, star: text.starts_with('*') })
}

fn value(text: &str, kind: &Kind) -> Option<u8> {
    let named = kind.names.iter().position(|name| text.eq_ignore_ascii_case(name));
    let value = match named {
        Some(at) => kind.least + u8::try_from(at).ok()?,
        None => number(text)?,
    };
    (kind.least..=kind.most).contains(&value).then_some(value)
}

/// Digits only: `parse` would take a sign.
fn number(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

impl Schedule {
    /// The same in the words of systemd.time(7); due when any of them says so.
    pub fn calendar(&self) -> Vec<String> {
        let time = format!("{}:{}:00", list(&self.hours, &HOUR), list(&self.minutes, &MINUTE));
        let month = list(&self.months, &MONTH);
        let days = format!("*-{month}-{} {time}", list(&self.days, &DAY));
        let names: Vec<&str> = self.weekdays.values.iter().map(|day| SYSTEMD[usize::from(*day)]).collect();
        let names = names.join(",");
        match (self.days.star, self.weekdays.star || self.weekdays.values.len() == 7) {
            (_, true) => vec![days],
            (true, false) => vec![format!("{names} {days}")],
            (false, false) => vec![days, format!("{names} *-{month}-* {time}")],
        }
    }
}

fn list(field: &Field, kind: &Kind) -> String {
    if field.values.len() == usize::from(kind.most - kind.least) + 1 {
        return "*".into();
    }
    let numbers: Vec<String> = field.values.iter().map(|value| format!("{value:02}")).collect();
    numbers.join(",")
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crontabs_become_calendars() {
        for (text, expected) in [
            ("*/15 * * * *", vec!["*-*-* *:00,15,30,45:00"]),
            ("* * * * *", vec!["*-*-* *:*:00"]),
            ("5 4 * * sun", vec!["Sun *-*-* 04:05:00"]),
            ("0 0 1,15 * 3", vec!["*-*-01,15 00:00:00", "Wed *-*-* 00:00:00"]),
            ("0 22 * * 1-5", vec!["Mon,Tue,Wed,Thu,Fri *-*-* 22:00:00"]),
            ("0 22 * * 5-7", vec!["Sun,Fri,Sat *-*-* 22:00:00"]),
            ("10-40/10 8-10 * jan,Jul *", vec!["*-01,07-* 08,09,10:10,20,30,40:00"]),
            // as Vixie's cron: a field that begins with `*` leaves the choice to the other
            ("0 0 */10 * 1", vec!["Mon *-*-01,11,21,31 00:00:00"]),
            ("0 0 29 2 *", vec!["*-02-29 00:00:00"]),
            ("@daily", vec!["*-*-* 00:00:00"]),
            ("@weekly", vec!["Sun *-*-* 00:00:00"]),
            ("0  0 * * 0-7", vec!["*-*-* 00:00:00"]),
        ] {
            assert_eq!(text.parse::<Schedule>().unwrap().calendar(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for (text, wanted) in [
            ("", "is not a schedule"),
            ("* * * *", "is not a schedule"),
            ("@reboot", "is not a schedule"),
            ("60 * * * *", "`60` is not a minute: 0 to 59"),
            ("* 24 * * *", "`24` is not a hour"),
            ("* * 0 * *", "`0` is not a day of the month"),
            ("* * * 13 *", "`13` is not a month"),
            ("* * * * 8", "`8` is not a day of the week"),
            ("+1 * * * *", "`+1` is not a minute"),
            ("*/0 * * * *", "`*/0` is not a minute"),
            ("5/15 * * * *", "`5/15` is not a minute"),
            ("9-5 * * * *", "`9-5` is not a minute"),
            (", * * * *", "`,` is not a minute"),
            ("1\u{1b}[2J * * * *", "`1\\u{1b}[2J` is not a minute"),
            ("0 0 30 feb *", "is never due"),
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
