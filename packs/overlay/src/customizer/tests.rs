//! Slots, mode by mode.

use super::*;
use silver_pack::{overlay::Draft, snapshot::Snapshot};
use silver_plugin_api::Settings;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn tree(files: &[(&str, &str)]) -> Snapshot {
    let mut draft = Draft::new(&Snapshot::empty());
    for (name, content) in files {
        let why = Reason::new("a test", []);
        draft.put(&path(name), content.as_bytes(), false, Collision::Fail, why).unwrap();
    }
    draft.finish().0
}

fn slot(name: &str, from: &str, into: &str, mode: SlotMode, must_exist: bool) -> Slot {
    Slot {
        name: name.into(),
        from: from.into(),
        into: into.into(),
        mode,
        must_exist,
        nature: silver_plugin_api::slot::SlotNature::Code,
        summary: String::new(),
    }
}

fn options() -> Options {
    let slots = [
        slot("notes", "notes/*.txt", "env/notes", SlotMode::Add, false),
        slot("templates", "templates/**", "env/templates", SlotMode::Override, true),
        slot("style", "style.css", "env/htdocs/style.css", SlotMode::Append, false),
        slot("ini", "site.ini", "env/conf/site.ini", SlotMode::MergeIni, false),
        slot("json", "conf/*.json", "env/conf", SlotMode::MergeJson, false),
        slot("toml", "conf/*.toml", "env/conf", SlotMode::MergeToml, false),
    ];
    let extra = Settings::from([(EXTRA_SLOTS.to_owned(), serde_json::to_string(&slots).unwrap())]);
    Options { extra, ..Options::default() }
}

const APP: &[(&str, &str)] = &[
    ("env/templates/site_header.html", "pack"),
    ("env/htdocs/style.css", "a {}"),
    ("env/conf/site.ini", "[a]\nx = 1\n"),
    ("env/conf/a.toml", "x = 1\n"),
];

#[test]
fn each_mode_does_what_it_says() {
    let mine = tree(&[
        ("notes/hello.txt", "hello"),
        ("templates/site_header.html", "mine"),
        ("style.css", "b {}\n"),
        ("site.ini", "[a]\ny = 2\n"),
        ("conf/a.json", "{\"k\": 1}"),
        ("conf/a.toml", "y = 2\n"),
    ]);
    let app = tree(APP);
    let mut draft = Draft::new(&app);
    let customizer = OverlayCustomizer;
    assert_eq!(customizer.check(&app, &mine, &options()), Ok(vec![]));
    customizer.merge(&app, &mine, &mut draft, &options()).unwrap();
    let (merged, reasons) = draft.finish();
    for (file, content) in [
        ("env/notes/hello.txt", "hello"),
        ("env/templates/site_header.html", "mine"),
        ("env/htdocs/style.css", "a {}\nb {}\n"),
        ("env/conf/site.ini", "[a]\nx = 1\ny = 2\n"),
        ("env/conf/a.json", "{\n  \"k\": 1\n}\n"),
        ("env/conf/a.toml", "x = 1\ny = 2\n"),
    ] {
        assert_eq!(merged.text(&path(file)).unwrap(), content, "{file}");
    }
    assert_eq!(merged.listing().len(), 6);
    let change = &reasons.of(&path("env/conf/site.ini"))[0];
    assert_eq!(change.rule, "slot ini: merge-ini");
    assert_eq!(change.inputs, ["customization:site.ini", "app:env/conf/site.ini"]);
}

#[test]
fn wrong_places_are_all_found_and_point_at_the_operators_file() {
    let app = tree(&[("env/notes/old.txt", "x"), ("env/templates/site_header.html", "pack")]);
    let mine = tree(&[("notes/old.txt", ""), ("templates/site_heder.html", ""), ("templates/x/y.html", "")]);
    let findings = OverlayCustomizer.check(&app, &mine, &options()).unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|f| (f.code.as_str(), f.at.as_ref().unwrap().path.to_string(), f.help.clone().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            ("already-there", "notes/old.txt".to_owned(), "give the file another name".to_owned()),
            ("override-of-nothing", "templates/site_heder.html".into(), "did you mean `env/templates/site_header.html`?".into()),
            ("override-of-nothing", "templates/x/y.html".into(), "`silver inspect PACK` lists the files of the pack".into()),
        ]
    );
}

#[test]
fn files_that_cannot_be_merged_are_all_told() {
    let app = tree(APP);
    let mine = tree(&[("site.ini", "no section\n"), ("conf/a.json", "{"), ("conf/a.toml", "=")]);
    let Err(Failure::Invalid(findings)) = OverlayCustomizer.merge(&app, &mine, &mut Draft::new(&app), &options()) else {
        panic!("no findings");
    };
    let files: Vec<String> = findings.iter().map(|finding| finding.at.as_ref().unwrap().path.to_string()).collect();
    assert_eq!(files, ["conf/a.json", "conf/a.toml", "site.ini"]);
}
