use super::*;
use crate::testing;

fn secrets() -> BTreeMap<String, String> {
    BTreeMap::from([("db".to_owned(), "s3cret".to_owned())])
}

fn compose(env: Vec<(&str, Value)>, location: &str) -> Result<Environment, EnvironmentError> {
    let mut release = testing::release("hello");
    release.env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let placed = testing::placed(release, "hello.20260101_1", &[location]);
    let dirs = Dirs::below(Path::new("/h"));
    Environment::compose(&Context {
        dirs: &dirs,
        port: 8484,
        placed: &placed,
        secrets: &secrets(),
        phase: "check",
        endpoint: Some(&Endpoint::Port(4001)),
    })
}

#[test]
fn facts_follow_from_the_location_and_the_release() {
    for (location, url, base, statics) in [
        ("hello.localhost", "http://hello.localhost:8484", "", "/static/hello.20260101_1/"),
        ("a.localhost/sub/", "http://a.localhost:8484/sub", "/sub", "/sub/static/hello.20260101_1/"),
    ] {
        let made = compose(vec![], location).unwrap();
        assert_eq!(made.get("SILVER_URL"), Some(url));
        assert_eq!(made.get("SILVER_BASE_PATH"), Some(base));
        assert_eq!(made.get("STATIC_URL"), Some(statics));
        assert_eq!(made.get("PORT"), Some("4001"));
        assert_eq!(made.get("SILVER_PHASE"), Some("check"));
        assert_eq!(made.get("SILVER_INSTANCE_DIR"), Some("/h/data/nodes/local/releases/hello/hello.20260101_1/instance"));
    }
}

#[test]
fn bound_values_are_made_of_facts_and_secrets_and_shown_masked() {
    let url =
        Value(vec![Part::Text("pg:".into()), Part::Secret("db".into()), Part::Text("@".into()), Part::Fact("SILVER_APP".into())]);
    let made = compose(vec![("DATABASE_URL", url), ("PLAIN", Value::fact("SILVER_URL"))], "hello.localhost").unwrap();
    assert_eq!(made.get("DATABASE_URL"), Some("pg:s3cret@hello"));
    let shown = made.masked();
    assert!(shown.iter().all(|variable| !variable.value.contains("s3cret")));
    let shown = |name: &str| shown.iter().find(|variable| variable.name == name).unwrap().clone();
    assert_eq!(shown("DATABASE_URL").value, "pg:***@${SILVER_APP}");
    assert_eq!((shown("PLAIN").value.as_str(), shown("PLAIN").from.as_str()), ("http://hello.localhost:8484", "bind"));
    assert_eq!(shown("SILVER_APP").from, "silver");
}

#[test]
fn what_is_silvers_cannot_be_bound() {
    for name in ["SILVER_APP", "SILVER_ANYTHING", "PORT", "STATIC_URL"] {
        let error = compose(vec![(name, Value::text("x"))], "h").unwrap_err();
        assert_eq!(error, EnvironmentError::Reserved { name: name.into() });
    }
    assert_eq!(compose(vec![("LANG", Value::text("de_DE.UTF-8"))], "h").unwrap().get("LANG"), Some("de_DE.UTF-8"));
}

#[test]
fn unknown_references_are_errors() {
    let unknown = compose(vec![("A", Value::fact("NOPE"))], "h").unwrap_err();
    assert_eq!(unknown, EnvironmentError::UnknownFact { name: "NOPE".into() });
    let unknown = compose(vec![("A", Value::secret("nope"))], "h").unwrap_err();
    assert_eq!(unknown, EnvironmentError::UnknownSecret { name: "nope".into() });
}

#[test]
fn arguments_are_replaced_without_a_shell_and_without_secrets() {
    let made = compose(vec![("PASSWORD", Value::secret("db")), ("X", Value::text("a b;$(c)"))], "h").unwrap();
    let argv = |text: &str| made.arguments(&[text.to_owned()]).map(|mut argv| argv.remove(0));
    for (text, result) in
        [("--x=${X}", "--x=a b;$(c)"), ("$X $(X) {X}", "$X $(X) {X}"), ("${X}${SILVER_APP}", "a b;$(c)hello"), ("", "")]
    {
        assert_eq!(argv(text).unwrap(), result);
    }
    assert!(matches!(argv("-p${PASSWORD}"), Err(EnvironmentError::SecretArgument { .. })));
    assert!(matches!(argv("${NOPE}"), Err(EnvironmentError::UnknownName { .. })));
    assert!(matches!(argv("${X"), Err(EnvironmentError::Unclosed { .. })));
}
