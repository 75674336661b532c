//! `pack.toml`: what is read, and what people are told about what is not.

use proptest::prelude::*;
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
        + "[services.db]\nkind = \"postgresql\"\n[uses]\nwiki = \"1\"\n[settings.a]\ntype = \"txt\"\n";
    insta::assert_snapshot!(errors(&text), @r#"
    pack.toml:10:1: unknown field `processes.web.memroy`
    10 | memroy = "1G"
       | ^^^^^^
    hint: did you mean `memory`? Allowed: `callable`, `command`, `listen`, `count`, `memory`, `stop-signal`, `stop-timeout`, `singleton`
    pack.toml:11:9: `processes.web.count` is "2", it has to be a whole number
    11 | count = "2"
       |         ^^^
    pack.toml:12:16: `processes.web.stop-timeout`: `1x` is not a duration: write "500ms", "30s", "2m", "1h" or "7d"
    12 | stop-timeout = "1x"
       |                ^^^^
    pack.toml:15:1: `services.db.kind = "postgresql"` is not supported yet
    15 | kind = "postgresql"
       | ^^^^
    hint: supported today: `files` (SQLite lies in files)
    pack.toml:16:2: `uses` is not supported yet
    16 | [uses]
       |  ^^^^
    pack.toml:19:8: `settings.a.type` is `txt`, which is not one of its values
    19 | type = "txt"
       |        ^^^^^
    hint: did you mean `text`? Allowed: `text`, `integer`, `number`, `boolean`, `choice`, `url`, `email`, `path`, `list`
    "#);
}

/// Everything in [`SMALL`] and one more piece.
fn with(more: &str) -> String {
    format!("{SMALL}{more}\n")
}

#[test]
fn rules_that_look_at_more_than_one_field() {
    let cases = [
        ("format = 2", "format 2 is not known"),
        ("[runtime.requires]\npackages = [\"Graphviz\"]", "`Graphviz` is not the name of a package"),
        ("[processes.worker]", "`processes.worker`: it says neither `callable` nor `command`"),
        ("[processes.worker]\ncallable = \"a:b\"", "only the runtime `python` has callables"),
        ("[processes.worker]\ncommand = [\"\"]", "a command starts with a program"),
        ("[processes.worker]\ncommand = [\"x\", \"${A\"]", "`processes.worker.command[1]`: `${` is not followed"),
        ("[processes.worker]\ncommand = [\"x\"]\nlisten = \"port\"", "only the process `web` is reached"),
        ("[processes.worker]\ncommand = [\"x\"]\nstop-signal = \"SIGTERM\"", "`SIGTERM` is none of TERM"),
        ("[processes.worker]\ncommand = [\"x\"]\ncount = 0", "1 to 1,000"),
        ("[processes.worker]\ncommand = [\"x\"]\ncount = 2\nsingleton = true", "a singleton is one process"),
        ("[health]\nready = { path = \"about\" }", "`about` is not a path of the application"),
        ("[health]\nready = { path = \"/\", status = 99 }", "99 is not a status of HTTP"),
        ("[health]\nready = { path = \"/\", interval = \"1m\" }", "longer than `timeout`"),
        ("[commands]\ninit = {}", "neither `command` nor `url`"),
        ("[commands]\nmigrate = { command = [\"x\"] }", "it does not say what it does to the data"),
        ("[commands]\ninit = { command = [\"x\"], data = \"additive\" }", "only `migrate` changes data"),
        ("[commands]\nshell = { url = \"/x\" }", "`shell` is a command"),
        ("[commands]\nwarm = { url = \"/x\", timeout = \"2d\" }", "2d is longer than a day"),
        ("[[check]]\nname = \"a\"", "one of `url`, `command` and `log-lacks`"),
        ("[[check]]\nname = \"a\"\nurl = \"/\"\n[[check]]\nname = \"a\"\nurl = \"/\"", "another check has this name"),
        ("[[check]]\nname = \"a\"\ncommand = [\"x\"]\nstatus = 200", "`status` and `body-…` are for a `url`"),
        ("[[check]]\nname = \"a\"\nlog-lacks = { file = \"log/a.log\", pattern = \"x\" }", "`log/a.log` is in no `[state]`"),
        ("[[cron]]\nschedule = \"60 * * * *\"\ncommand = [\"x\"]", "`60` is not a minute: 0 to 59"),
        ("[[cron]]\nschedule = \"@daily\"\ncommand = []", "a command starts with a program"),
        ("[[cron]]\nschedule = \"@daily\"\ncommand = [\"x\"]\noverlap = \"allow\"", "supported today: `forbid`"),
        (
            "[[cron]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = [\"x\"]\n[[cron]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = [\"x\"]",
            "another periodic command has this name",
        ),
        ("[state.db]\nnature = \"data\"\n[state.\"db/x\"]\nnature = \"log\"", "it lies below `db`"),
        ("[state.db]\nnature = \"data\"\nowned-keys = [\"a.b\"]", "only a config has owned keys"),
        ("[state.conf]\nnature = \"config\"\nowned-keys = [\"a.b\"]", "keys of such a file cannot be set"),
        ("[state.\"a.ini\"]\nnature = \"config\"\nkind = \"directory\"", "a config is a file"),
        ("[state.\"a.ini\"]\nnature = \"config\"\nowned-keys = [\"a\"]", "`a` is not a key"),
        ("[settings.a]\ntype = \"choice\"", "a choice has `choices`"),
        ("[settings.a]\nchoices = [\"x\"]", "only the type `choice` has choices"),
        ("[settings.a]\npattern = \"(\"", "`(` is not a regular expression"),
        ("[settings.a]\ntype = \"integer\"\ndefault = \"x\"", "`x` is not a whole number"),
        ("[settings.a]\nrenamed-from = \"b\"\n[settings.b]", "`b` is another setting"),
        ("[settings.Title]", "`Title` is not a name"),
        ("[secrets.a]\ngenerate = \"hex:8\"", "16 to 1,024 bytes"),
        ("[[bind]]\nfrom = \"setting.a\"\nto = \"env:A\"", "there is no setting `a`"),
        ("[[bind]]\nfrom = \"app.uri\"\nto = \"env:A\"", "`app.uri` is not a value"),
        ("[[bind]]\nfrom = \"app.url\"\nto = \"env:SILVER_URL\"", "silver's own"),
        (
            "[[bind]]\nfrom = \"app.url\"\nto = \"env:A\"\n[[bind]]\nfrom = \"app.release\"\nto = \"env:A\"",
            "another value goes there",
        ),
        ("[[bind]]\nfrom = \"app.url\"\nto = \"ini:../x.ini#a.b\"", "not a path below the instance directory"),
        ("[[bind]]\nfrom = \"app.url\"\nto = \"ini:x.ini#a\"", "`a` names no section"),
        ("[[bind]]\nfrom = \"app.url\"\nto = \"ini:x.ini#a]b.c\"", "no section can have such a name"),
        ("[[bind]]\nfrom = \"app.url\"\nto = \"template:x.php\"", "its name ends with `.j2`"),
        (
            "[state.\"x.ini\"]\nnature = \"config\"\n[[bind]]\nfrom = \"app.url\"\nto = \"ini:x.ini#a.b\"",
            "`a.b` is not one of the keys that silver owns",
        ),
        (
            "[secrets.s]\n[state.\"x.ini\"]\nnature = \"config\"\nowned-keys = [\"a.b\"]\n[[bind]]\nfrom = \"secret.s\"\nto = \"ini:x.ini#a.b\"",
            "the secret would lie in the data",
        ),
        ("[state.d]\nnature = \"data\"\n[[bind]]\nfrom = \"app.url\"\nto = \"json:d/x.json#a\"", "`d` is the application's own"),
        ("[[slot]]\nname = \"a\"\nfrom = \"../a\"\ninto = \"tree:a\"\nmode = \"add\"", "`../a` is not a glob inside a tree"),
        ("[[slot]]\nname = \"a\"\nfrom = \"a/*\"\ninto = \"a\"\nmode = \"add\"", "write `instance:PATH` or `tree:PATH`"),
        ("[[slot]]\nname = \"a\"\nfrom = \"a/*\"\ninto = \"tree:../a\"\nmode = \"add\"", "it has a `.` or `..` segment"),
        (
            "[[slot]]\nname = \"a\"\nfrom = \"a/*\"\ninto = \"tree:a\"\nmode = \"replace\"",
            "`replace`, which is not one of its values",
        ),
        (
            "[state.d]\nnature = \"data\"\n[[slot]]\nname = \"a\"\nfrom = \"a/*\"\ninto = \"instance:d/x\"\nmode = \"add\"",
            "cannot put files there",
        ),
        ("[[plugin]]\nfile = \"a.so\"\nworld = \"customizer-plugin\"", "its name ends with .wasm"),
        (
            "[[plugin]]\nfile = \"a.wasm\"\nworld = \"customizer-plugin\"\nneeds = [\"edit-customization\"]",
            "a customizer is pure",
        ),
        (
            "[[plugin]]\nfile = \"a.wasm\"\nworld = \"command-plugin\"\nneeds = [\"index:python\"]",
            "the pack declares no such index",
        ),
        (
            "[[plugin]]\nfile = \"a.wasm\"\nworld = \"command-plugin\"\nneeds = [\"everything\"]",
            "`everything` is nothing a plugin can ask for",
        ),
        ("[[plugin]]\nfile = \"a.wasm\"\nworld = \"command-plugin\"\nsha256 = \"abc\"", "not a sha256"),
        ("[index.npm]\nurl = \"https://example.org\"", "only the kind `directory` has an address"),
        ("[index.directory]\nkey = \"RW\"", "`RW` is not a public key of minisign"),
        (
            "[index.npm]\nkey = \"RWRafL25DX375autQ9TUeX3qV9rCyj65Xzp7nwtieRV7NssPHCiFOMT0\"",
            "only the list of the kind `directory` is signed",
        ),
        ("[index.directory]\nurl = \"ftp://example.org\"", "not an address"),
        ("[index.cargo]", "unknown field `index.cargo`"),
        ("[layout]\nroot = \"\"", "the instance directory is a directory of the pack"),
        ("[front]\nsubpath = \"maybe\"", "`maybe`, which is not one of its values"),
        ("[front]\ndeny = [\"secret\"]", "`secret` is not a pattern of addresses: it starts with `/`"),
        ("[front]\nrewrite = [{ from = \"/a/*\", to = \"b\" }]", "`b` is not a path of the application"),
        ("[front]\nrewrite = [{ from = \"/a/*\", to = \"/$2\" }]", "`$2` is no star of `/a/*`"),
        ("[front]\nrewrite = [{ from = \"/a\", to = \"/b\", redirect = 200 }]", "200 is not the status of a redirect"),
        (
            "[front]\nrewrite = [{ from = \"/a\", to = \"https://$1/\", redirect = 301 }]",
            "no address that visitors can be sent to",
        ),
        ("[front]\nrewrite = [{ from = \"/a\", to = \"https://b.example/\" }]", "is not a path of the application"),
        ("[front.headers]\n\"X Y\" = \"1\"", "`X Y` is not the name of a header"),
        ("[front.headers]\nContent-Length = \"1\"", "not the pack's to decide"),
        ("[front.headers]\nX-A = \"a\\nb\"", "characters other than those of ASCII"),
        ("[front]\ntimeout = \"2d\"", "2d is longer than a day"),
        ("[front]\nnot-found = \"/404.html\"", "there is such a page"),
        ("[front]\nmax-body = \"10MB\"", "`10MB` is not a size"),
        ("[update]\noverlap = \"all\"", "`all`, which is not one of its values"),
        ("[state.up]\nnature = \"public\"", "`state.up`: it does not say at which address it is served"),
        ("[state.up]\nnature = \"public\"\nserve = \"/up\"", "`/up` is not the address of a directory"),
        ("[state.up]\nnature = \"public\"\nserve = \"/a/../up/\"", "is not the address of a directory"),
        ("[state.up]\nnature = \"public\"\nserve = \"/\"", "`/` is not the address of a directory"),
        ("[state.up]\nnature = \"public\"\nserve = \"/up/\"\nexecute = true", "what visitors can upload is never run"),
        ("[state.up]\nnature = \"public\"\nserve = \"/up/\"\nkind = \"file\"", "public state is a directory"),
        ("[state.up]\nnature = \"data\"\nserve = \"/up/\"", "only public state is served"),
        (
            "[state.a]\nnature = \"public\"\nserve = \"/up/\"\n[state.b]\nnature = \"public\"\nserve = \"/up/\"",
            "other state is served there",
        ),
        ("[build]\nnpm = { locks = \"x\" }", "did you mean `lock`?"),
        ("[build]\ndebian = { packages = \"../x\" }", "it has a `.` or `..` segment"),
        ("[[build.command]]\ncommand = [\"x\"]", "has no `outputs`"),
        ("[[build.command]]\ncommand = []\noutputs = [\"a\"]", "a command starts with a program"),
        ("[[build.command]]\ncommand = [\"x\"]\noutputs = []", "a command without outputs"),
        ("[[build.command]]\ncommand = [\"x\"]\noutputs = [\"a\", \"pack.toml\"]", "`build.command[0].outputs[1]`: an output is"),
        ("[[build.command]]\ncommand = [\"x\"]\noutputs = [\"a/b/\", \"a\"]", "it lies below `a`"),
        (
            "[[build.command]]\ncommand = [\"x\"]\noutputs = [\"a\"]\nenv = { \"A-B\" = \"\" }",
            "`A-B` is not the name of a variable",
        ),
        ("[[build.command]]\ncommand = [\"x\"]\noutputs = [\"a\"]\ntimeout = \"2d\"", "2d is longer than a day"),
        ("[secrets.a]\non-clone = \"lose\"", "`lose`, which is not one of its values"),
        ("[secrets.a]\nbcrypt-of = \"b\"", "there is no secret `b`"),
        ("[secrets.a]\nbcrypt-of = \"b\"\n[secrets.b]\nbcrypt-of = \"a\"", "is a hash itself"),
        ("[secrets.a]\nbcrypt-of = \"b\"\ngenerate = \"hex:16\"\n[secrets.b]", "either anew or from another secret"),
        ("[settings.a]\nvisible-if = \"b\"", "there is no setting `b`"),
        ("[settings.a]\nvisible-if = \"a\"", "`a` is itself not always there"),
        ("[settings.a]\nvisible-if = \"B = 1\"", "`B` is not a name"),
        ("[settings.a]\nwhen = \"later\"", "`later`, which is not one of its values"),
        ("[commands]\nafter-clone = {}", "neither `command` nor `url`"),
        ("[[check]]\nname = \"a\"\nurl = \"/\"\nevery = \"1m\"", "only a periodic check is made again"),
        (
            "[[check]]\nname = \"a\"\ncommand = [\"x\"]\nwhen = \"periodic\"",
            "`check[0].when = \"periodic\"` is not supported yet",
        ),
        ("[[check]]\nname = \"live\"\nurl = \"/\"\nwhen = \"periodic\"", "a probe of `[health]` has this name"),
        (
            "[[slot]]\nname = \"a\"\nfrom = \"a/*\"\ninto = \"tree:\"\nmode = \"add\"\nnature = \"content\"",
            "content has a directory of its own",
        ),
        ("[[assemble]]\ncommand = [\"x\"]\ninputs = []\noutputs = \"site/\"", "a step that sees nothing"),
        ("[[assemble]]\ncommand = []\ninputs = [\"a\"]\noutputs = \"site/\"", "a command starts with a program"),
        ("[[assemble]]\ncommand = [\"x\"]\ninputs = [\"a\"]\noutputs = \"/\"", "a step makes a directory of the release"),
        ("[[assemble]]\ncommand = [\"x\"]\ninputs = [\"a\"]\noutputs = \".silver/x\"", "a step makes a directory of the release"),
        ("[[assemble]]\ncommand = [\"x\"]\ninputs = [\"site/**\"]\noutputs = \"site/\"", "is what the step itself makes"),
        (
            "[[assemble]]\ncommand = [\"x\"]\ninputs = [\"a\"]\noutputs = \"a/b\"\n[[assemble]]\ncommand = [\"x\"]\ninputs = [\"a\"]\noutputs = \"a\"",
            "another step makes files there",
        ),
        (
            "[[assemble]]\ncommand = [\"x\"]\ninputs = [\"a\"]\noutputs = \"b\"\nnetwork = true",
            "`assemble[0].network = \"true\"` is not supported yet",
        ),
        ("[runtime]\nroot = \"a\"", "duplicate key"),
        ("[pack]\nid = \"x\"", "duplicate key"),
        ("[a", "`"),
    ];
    for (more, wanted) in cases {
        let text = if let Some(format) = more.strip_prefix("format") {
            SMALL.replace("format = 1", &format!("format{format}"))
        } else {
            with(more)
        };
        let told = errors(&text);
        assert!(told.contains(wanted), "{more}\n→ {told}");
    }
}

#[test]
fn every_reserved_name_is_refused_by_name() {
    for (more, name) in [
        ("[runtime.requires]\nphp-extensions = [\"intl\"]", "runtime.requires.php-extensions"),
        ("[uses]", "uses"),
        ("[offers]", "offers"),
        ("[tasks]", "tasks"),
        ("[access]", "access"),
        ("[services.db]\nkind = \"files\"\nversion = \">=1\"", "services.db.version"),
    ] {
        let told = errors(&with(more));
        assert!(told.contains(&format!("`{name}` is not supported yet")), "{more}\n→ {told}");
    }
}

#[test]
fn the_reference_packs_are_valid_and_fit_the_schema_that_is_published() {
    let schema = manifest::schema();
    let known = &schema["properties"];
    for (name, text) in
        [("hello", include_str!("../../reference/hello/pack.toml")), ("trac", include_str!("../../reference/trac/pack.toml"))]
    {
        assert_eq!(errors(text), "fine", "{name}");
        let table: toml::Table = text.parse().unwrap();
        for key in table.keys() {
            assert!(known[key].is_object(), "{name}: the schema does not know `{key}`");
        }
    }
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(known["uses"]["not"], serde_json::json!({}), "reserved: no value fits");
}

#[test]
fn the_manifests_of_the_documentation_are_valid() {
    let text = include_str!("../../../docs/running.md");
    let blocks: Vec<&str> = text.split("```toml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        assert_eq!(errors(block), "fine", "{block}");
    }
}

#[test]
fn a_manifest_survives_being_written_and_read() {
    let manifest = manifest::parse(include_str!("../../reference/trac/pack.toml"), "pack.toml").unwrap();
    let text = toml::to_string(&manifest).unwrap();
    assert_eq!(manifest::parse(&text, "pack.toml").unwrap(), manifest);
}

#[test]
fn a_manifest_that_is_cut_off_anywhere_is_refused_or_read_and_never_more() {
    let text = include_str!("../../reference/trac/pack.toml");
    for (at, _) in text.char_indices() {
        let _ = errors(&text[..at]);
    }
}

proptest! {
    /// Whatever stands in place of a value: an answer, at a line of the file.
    #[test]
    fn any_value_anywhere_gets_an_answer(at in 0usize..60, value in "\\PC{0,12}|[-\\[\\]{}=\"'#.,a1 ]{0,12}") {
        let text = include_str!("../../reference/hello/pack.toml");
        let assignments: Vec<usize> = text.match_indices(" = ").map(|(at, _)| at).collect();
        let at = assignments[at % assignments.len()] + 3;
        let end = at + text[at..].find('\n').unwrap();
        let text = format!("{}{value}{}", &text[..at], &text[end..]);
        if let Err(error) = manifest::parse(&text, "pack.toml") {
            prop_assert!(!error.problems.is_empty());
            let lines = text.lines().count();
            prop_assert!(error.problems.iter().all(|problem| (1..=lines + 1).contains(&problem.line)));
            let _ = shown(&error);
        }
    }
}
