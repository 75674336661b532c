//! Templates: minijinja with strict undefined names and escaping by place.
//!
//! While the template is rendered each value is only a mark. Then the text is read as its language
//! reads it, and each mark is replaced by the value, escaped for the place where it stands: inside
//! of a quoted string, or in code, where it becomes a whole string literal. Where no escaping is
//! safe (a comment, a here-document), the template is refused.

use super::{
    RenderError,
    escape::{self, Language, MARK},
};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, syntax::SyntaxConfig};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Renders the template `text`. `name` decides the escaping by what stands before `.j2`:
/// `wp-config.php.j2` is PHP. `{{ name | raw }}` switches the escaping off for one value.
pub fn template(name: &str, text: &str, values: &[(String, String)]) -> Result<String, RenderError> {
    if text.contains(MARK) {
        return Err(RenderError::Parse { format: "a template", why: "it has the character U+10FFFE".into() });
    }
    let marked: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("raw", |value: String| Value::from_safe_string(value));
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("lower", minijinja::filters::lower);
    environment.add_filter("upper", minijinja::filters::upper);
    environment.add_filter("trim", minijinja::filters::trim);
    environment.add_filter("replace", minijinja::filters::replace);
    environment.add_filter("split", minijinja::filters::split);
    environment.add_filter("join", minijinja::filters::join);
    environment.add_test("defined", minijinja::tests::is_defined);
    let marks = Arc::clone(&marked);
    environment.set_formatter(move |out, _, value| {
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        let text = value.to_string();
        if text.contains(MARK) {
            return Err(Error::new(ErrorKind::InvalidOperation, "a value has the character U+10FFFE"));
        }
        if value.is_safe() {
            return out.write_str(&text).map_err(Error::from);
        }
        let mut marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push(text);
        write!(out, "{MARK}{}{MARK}", marks.len() - 1).map_err(Error::from)
    });
    let context: BTreeMap<String, String> = values.iter().cloned().collect();
    let rendered = environment.render_named_str(name, text, context).map_err(|error| told(name, &error))?;
    let values = std::mem::take(&mut *marked.lock().unwrap_or_else(PoisonError::into_inner));
    if values.is_empty() {
        return Ok(rendered);
    }
    let language = Language::of(name).ok_or_else(|| RenderError::UnknownSuffix { name: name.into() })?;
    escape::fill(language, &rendered, &values).map_err(|(line, why)| RenderError::Template { name: name.into(), line, why })
}

fn told(name: &str, error: &Error) -> RenderError {
    let why = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None if error.kind() == ErrorKind::UndefinedError => "it uses a name that nothing is bound to".into(),
        None => error.kind().to_string(),
    };
    RenderError::Template { name: name.into(), line: error.line().unwrap_or(0), why }
}
