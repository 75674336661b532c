//! Which values fit which settings.

use super::*;
use serde_json::json;

fn manifest(settings: &str) -> Manifest {
    let text = format!(
        "format = 1\n[pack]\nid = \"a.b\"\nname = \"a\"\nversion = \"1.0.0\"\n[runtime]\nkind = \"static\"\nroot = \"public\"\n{settings}"
    );
    crate::manifest::parse(&text, "pack.toml").unwrap()
}

#[test]
fn values_become_the_text_that_the_application_gets() {
    let kind = |kind: &str| manifest(&format!("[settings.a]\ntype = \"{kind}\"\nchoices = [\"x\", \"yes\"]\n"));
    let cases = [
        ("text", json!("it's"), Ok("it's")),
        ("text", json!(1), Err("1 is not a text: write it in quotes")),
        ("text", json!("a\0"), Err("it has a NUL character")),
        ("integer", json!(-3), Ok("-3")),
        ("integer", json!("42"), Ok("42")),
        ("integer", json!(1.5), Err("1.5 is not a whole number")),
        ("integer", json!("4x"), Err("`4x` is not a whole number")),
        ("number", json!(1.5), Ok("1.5")),
        ("number", json!("inf"), Err("`inf` is not a number")),
        ("boolean", json!(true), Ok("true")),
        ("boolean", json!("yes"), Err("`yes` is not true or false")),
        ("choice", json!("yes"), Ok("yes")),
        ("choice", json!("yess"), Err("`yess` is none of `x`, `yes` (did you mean `yes`?)")),
        ("url", json!("https://a.b/c?d"), Ok("https://a.b/c?d")),
        ("url", json!("javascript:1"), Err("`javascript:1` is not an address that starts with http:// or https://")),
        ("url", json!("http:///x"), Err("`http:///x` is not an address that starts with http:// or https://")),
        ("email", json!("a@b.c"), Ok("a@b.c")),
        ("email", json!("a b@c"), Err("`a b@c` is not an email address")),
        ("path", json!("a/b"), Ok("a/b")),
        ("path", json!("../b"), Err("`../b` is not a path without `..`")),
        ("list", json!(["a", "b"]), Ok("a,b")),
        ("list", json!(["a,b"]), Err("`a,b` has a comma or a line break")),
        ("list", json!("a"), Err("it is a list: write [\"a\", \"b\"]")),
    ];
    for (name, value, wanted) in cases {
        let manifest = match name {
            "choice" => kind(name),
            _ => manifest(&format!("[settings.a]\ntype = \"{name}\"\n")),
        };
        let got = resolve(&manifest, &BTreeMap::from([("a".into(), value.clone())]));
        match (got, wanted) {
            (Ok(settings), Ok(text)) => assert_eq!(settings["a"], text),
            (Err(errors), Err(why)) => {
                assert_eq!(errors, [SettingError::Invalid { name: "a".into(), why: why.into() }], "{name} {value}");
            }
            (got, wanted) => panic!("{name} {value}: {got:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let manifest = manifest(
        "[settings.title]\npattern = \"[A-Z]+\"\n[settings.must]\nprompt = \"How many?\"\n[settings.new]\nrenamed-from = \"old\"\n",
    );
    let given = [("titel", json!("x")), ("title", json!("xX")), ("old", json!("v"))];
    let given = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let errors = resolve(&manifest, &given).unwrap_err();
    let told: Vec<String> = errors.iter().map(|error| format!("{error} | {}", error.hint().unwrap_or_default())).collect();
    assert_eq!(
        told,
        [
            "the pack has no setting `titel` | did you mean `title`?",
            "setting `must` has to be given | write `must = \"…\"` below `[settings]` of customize.toml (How many?)",
            "setting `title`: `xX` does not match [A-Z]+ | ",
        ]
    );
}

#[test]
fn a_former_name_still_counts() {
    let manifest = manifest("[settings.new]\nrenamed-from = \"old\"\ndefault = \"d\"\n");
    let value = |given: &[(&str, &str)]| {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        resolve(&manifest, &given).unwrap()["new"].clone()
    };
    assert_eq!(value(&[]), "d");
    assert_eq!(value(&[("old", "o")]), "o");
    assert_eq!(value(&[("old", "o"), ("new", "n")]), "n");
}

#[test]
fn a_setting_that_another_hides_need_not_be_given() {
    let manifest = manifest(
        "[settings.backend]\ntype = \"choice\"\nchoices = [\"local\", \"smtp\"]\ndefault = \"local\"\n\
         [settings.host]\nvisible-if = \"backend = smtp\"\n\
         [settings.debug]\ntype = \"boolean\"\ndefault = false\n[settings.level]\nvisible-if = \"debug\"\ndefault = \"info\"\n",
    );
    let given = |pairs: &[(&str, Value)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let settings = resolve(&manifest, &given(&[])).unwrap();
    assert_eq!((settings["host"].as_str(), settings["level"].as_str()), ("", "info"));
    let errors = resolve(&manifest, &given(&[("backend", json!("smtp"))])).unwrap_err();
    assert!(matches!(&errors[..], [SettingError::Missing { name, .. }] if name == "host"), "{errors:?}");
    let settings = resolve(&manifest, &given(&[("backend", json!("smtp")), ("host", json!("mail.example"))])).unwrap();
    assert_eq!(settings["host"], "mail.example");
}
