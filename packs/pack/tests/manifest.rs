//! `pack.toml`: what is read, and what people are told about what is not.

use silver_pack::manifest::{self, ManifestError};

const SMALL: &str = r#"
format = 1
[pack]
id = "org.example.hello"
name = "hello"
version = "1.2.3"
[runtime]
kind = "command"
[processes.web]
command = ["./serve"]
"#;

fn errors(text: &str) -> String {
    match manifest::parse(text, "pack.toml") {
        Ok(_) => "fine".into(),
        Err(error) => shown(&error),
    }
}

fn shown(error: &ManifestError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn a_small_manifest_has_the_documented_defaults() {
    let manifest = manifest::parse(SMALL, "pack.toml").unwrap();
    let web = &manifest.processes["web"];
    assert_eq!((web.count, web.stop_timeout.as_millis(), web.stop_signal.as_str()), (1, 30_000, "TERM"));
    assert_eq!(manifest.layout.root.as_str(), "instance");
    assert_eq!(manifest.pack.app_version(), "1.2.3");
}

#[test]
fn all_problems_are_told_at_once_with_place_and_hint() {
    let text = SMALL.replace("[processes.web]", "[processes.web]\nmemroy = \"1G\"\ncount = \"2\"\nstop-timeout = \"1x\"")
        + "[services.db]\nkind = \"postgresql\"\n[[cron]]\nschedule = \"* * * * *\"\n[settings.a]\ntype = \"txt\"\n";
    insta::assert_snapshot!(errors(&text), @r#"
    pack.toml:10:1: unknown field `processes.web.memroy`
    10 | memroy = "1G"
       | ^^^^^^
    hint: did you mean `memory`? Allowed: `callable`, `command`, `listen`, `count`, `memory`, `stop-signal`, `stop-timeout`, `singleton`
    pack.toml:11:9: `processes.web.count` is string "2", it has to be u32
    11 | count = "2"
       |         ^^^
    pack.toml:12:16: `processes.web.stop-timeout`: `1x` is not a duration: write "500ms", "30s", "2m", "1h" or "7d"
    12 | stop-timeout = "1x"
       |                ^^^^
    pack.toml:15:1: `services.db.kind` is not supported yet
    15 | kind = "postgresql"
       | ^^^^
    hint: supported today: `files` (SQLite lies in files)
    pack.toml:16:3: `cron` is not supported yet
    16 | [[cron]]
       |   ^^^^
    pack.toml:19:8: `settings.a.type` is `txt`, which is not one of its values
    19 | type = "txt"
       |        ^^^^^
    hint: did you mean `text`? Allowed: `text`, `integer`, `number`, `boolean`, `choice`, `url`, `email`, `path`, `list`
    "#);
}
