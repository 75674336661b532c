//! HTML and XML: text and quoted attributes.

use super::{Around, Reader, first};

pub(super) enum Html {
    Text,
    /// Between `<` and `>`; what was written since the last space.
    Tag {
        word: String,
    },
    /// An attribute's value; its quote, its name, what stands before.
    Value {
        quote: char,
        name: String,
        text: String,
    },
}

/// Attributes whose value is code.
const CODE: [&str; 2] = ["style", "srcdoc"];
/// Attributes whose value is an address.
const ADDRESS: [&str; 9] = ["href", "src", "action", "formaction", "data", "poster", "cite", "background", "xlink:href"];

impl Reader for Html {
    fn step(&mut self, rest: &str, _: Option<char>) -> Result<usize, String> {
        let length = first(rest);
        match self {
            Self::Text if rest.starts_with("<!--") => {
                let end = rest.find("-->").ok_or("a comment is not closed")?;
                return Ok(end + 3);
            }
            Self::Text if rest.starts_with('<') => {
                let name: String = rest[1..].chars().take_while(char::is_ascii_alphanumeric).collect();
                if ["script", "style"].iter().any(|raw| name.eq_ignore_ascii_case(raw)) {
                    // the whole element; a mark inside of it is refused
                    let end = format!("</{}", name.to_ascii_lowercase());
                    let end = rest.to_ascii_lowercase().find(&end).ok_or("a script or style is not closed")?;
                    return Ok(end);
                }
                *self = Self::Tag { word: String::new() };
            }
            Self::Text => {}
            Self::Tag { .. } if rest.starts_with('>') => *self = Self::Text,
            Self::Tag { word } => match &rest[..length] {
                quote @ ("\"" | "'") => {
                    let name = word.trim_end_matches('=').trim().to_ascii_lowercase();
                    let quote = if quote == "\"" { '"' } else { '\'' };
                    *self = Self::Value { quote, name, text: String::new() };
                }
                "=" => word.push('='),
                space if space.trim().is_empty() => {
                    if !word.ends_with('=') {
                        word.clear();
                    }
                }
                other => {
                    if word.ends_with('=') {
                        word.clear();
                    }
                    word.push_str(other);
                }
            },
            Self::Value { quote, text, .. } => {
                if rest.starts_with(*quote) {
                    *self = Self::Tag { word: String::new() };
                } else {
                    text.push_str(&rest[..length]);
                }
            }
        }
        Ok(length)
    }

    fn write(&self, value: &str, around: Around) -> Result<String, String> {
        match self {
            Self::Text if around.before == Some('<') => Err("a value as the name of an element".into()),
            Self::Tag { .. } => Err("a value in an element, but outside of quotes".into()),
            Self::Value { name, .. } if name.starts_with("on") || CODE.contains(&name.as_str()) => {
                Err(format!("a value in `{name}`, which is code"))
            }
            Self::Value { name, text, .. } if ADDRESS.contains(&name.as_str()) && !text.contains([':', '/', '?', '#']) => {
                let address = format!("{text}{value}");
                let scheme =
                    address.split(['/', '?', '#']).next().and_then(|start| start.split_once(':')).map(|(scheme, _)| scheme);
                match scheme.map(|scheme| scheme.trim().to_ascii_lowercase()).as_deref() {
                    None | Some("http" | "https" | "mailto" | "tel") => Ok(escape(value)),
                    Some(_) => Err("the value is no address of the web".into()),
                }
            }
            Self::Text | Self::Value { .. } => Ok(escape(value)),
        }
    }

    fn may_end(&self) -> bool {
        matches!(self, Self::Text)
    }
}

fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            c => text.push(c),
        }
    }
    text
}
