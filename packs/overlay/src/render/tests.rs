//! Values never change what the file around them means.

use super::*;
use proptest::prelude::*;

fn set(format: FileFormat, base: &str, key: &str, value: &str) -> Result<String, RenderError> {
    set_keys(format, base, &[], &[(key.into(), value.into())])
}

const TRAC: &str = "\u{feff}# top\n[trac]\n; about the database\nDatabase = sqlite:db/trac.db\n  more\n\n  end\nbase_url =\n\n[components]\na.* = enabled\nstrange line\n";

#[test]
fn an_ini_file_keeps_what_is_not_ours() {
    let owned = ["trac.database".to_owned(), "components.*".to_owned()];
    let values =
        [("trac.database".into(), "postgres:x".into()), ("components.b".into(), "on".into()), ("new.k".into(), "v".into())];
    let text = set_keys(FileFormat::Ini, TRAC, &owned, &values).unwrap();
    assert_eq!(
        text,
        "\u{feff}# top\n[trac]\n; about the database\nDatabase = postgres:x\nbase_url =\n\n[components]\nb = on\nstrange line\n\n[new]\nk = v\n"
    );
}

#[test]
fn an_ini_value_goes_on_in_indented_lines() {
    let owned = ["trac.database".to_owned()];
    let read = read_keys(FileFormat::Ini, TRAC, &owned).unwrap();
    assert_eq!(read, [("trac.Database".to_owned(), "sqlite:db/trac.db\nmore\n\nend".to_owned())]);
}

#[test]
fn what_an_ini_file_cannot_hold_is_refused() {
    for value in ["a\nb", "a\rb", "a\0b", " a", "a\t", "a\u{85}b", "a\u{2028}b"] {
        assert!(matches!(set(FileFormat::Ini, "", "s.k", value), Err(RenderError::Value { .. })), "{value:?}");
    }
    for key in ["s", "s.", ".k", "s.a=b", "s.a:b", "s]\nx.k", "s.[k]", "s.#k", "s.k\n"] {
        assert!(matches!(set(FileFormat::Ini, "", key, "v"), Err(RenderError::Key { .. })), "{key:?}");
    }
}

#[test]
fn crlf_stays_crlf_and_doubles_go() {
    let text = set(FileFormat::Ini, "[a]\r\nk = 1\r\nK = 2\r\nother = 3", "a.k", "9").unwrap();
    assert_eq!(text, "[a]\r\nk = 9\r\nother = 3");
}

#[test]
fn json_and_toml_keep_types_and_comments() {
    let json = set(FileFormat::Json, r#"{"z": {"port": 80, "on": true, "name": "x"}, "a": 1}"#, "z.port", "8080").unwrap();
    assert_eq!(json, "{\n  \"z\": {\n    \"port\": 8080,\n    \"on\": true,\n    \"name\": \"x\"\n  },\n  \"a\": 1\n}\n");
    let toml = set(FileFormat::Toml, "# top\n[z]\nport = 80 # the port\nname = \"x\"\n", "z.port", "8080").unwrap();
    assert_eq!(toml, "# top\n[z]\nport = 8080 # the port\nname = \"x\"\n");
    assert_eq!(set(FileFormat::Toml, "[z]\nport = 80\n", "z.port", "x\"\n").unwrap(), "[z]\nport = \"\"\"\nx\"\n\"\"\"\n");
    for format in [FileFormat::Json, FileFormat::Toml] {
        assert!(matches!(set(format, "", "a..b", "x"), Err(RenderError::Key { .. })));
    }
    assert!(matches!(set(FileFormat::Json, r#"{"a": 1}"#, "a.b", "x"), Err(RenderError::Key { .. })));
    assert!(matches!(set(FileFormat::Toml, "a = 1", "a.b", "x"), Err(RenderError::Key { .. })));
    assert!(matches!(set(FileFormat::Json, "[]", "a", "x"), Err(RenderError::Parse { .. })));
}

#[test]
fn files_are_merged_key_by_key() {
    let cases = [
        (FileFormat::Ini, "[a]\n# c\nx = 1\ny = 2\n", "[a]\nX = 9\n[b]\nz = 3\n", "[a]\n# c\nx = 9\ny = 2\n\n[b]\nz = 3\n"),
        (
            FileFormat::Json,
            r#"{"a":{"x":1,"y":2}}"#,
            r#"{"a":{"x":[3]}}"#,
            "{\n  \"a\": {\n    \"x\": [\n      3\n    ],\n    \"y\": 2\n  }\n}\n",
        ),
        (FileFormat::Toml, "[a]\nx = 1 # one\ny = 2\n", "[a]\nx = 9\n[b]\nz = 3\n", "[a]\nx = 9 # one\ny = 2\n[b]\nz = 3\n"),
    ];
    for (format, base, over, merged) in cases {
        assert_eq!(merge(format, base, over).unwrap(), merged);
    }
    assert!(merge(FileFormat::Ini, "", "[a]\nnot a key\n").is_err());
}

fn render(name: &str, text: &str, value: &str) -> Result<String, RenderError> {
    template(name, text, &[("v".into(), value.into())])
}

#[test]
fn templates_escape_by_place() {
    let evil = "a'b\"c\\d$e\n</script>";
    for (name, text, wanted) in [
        ("a.php.j2", "<?php\nd('X', {{ v }});", "<?php\nd('X', 'a\\'b\"c\\\\d$e\n</script>');"),
        ("a.php.j2", "<?php\n$x = '{{ v }}';", "<?php\n$x = 'a\\'b\"c\\\\d$e\n</script>';"),
        ("a.php.j2", "<?php\n$x = \"{{ v }}\"; // it's", "<?php\n$x = \"a'b\\\"c\\\\d\\$e\n</script>\"; // it's"),
        ("a.js.j2", "x = {{ v }};", "x = \"a\\u0027b\\u0022c\\u005cd\\u0024e\\u000a\\u003c\\u002fscript\\u003e\";"),
        ("a.js.j2", "x = '{{ v }}';", "x = 'a\\u0027b\\u0022c\\u005cd\\u0024e\\u000a\\u003c\\u002fscript\\u003e';"),
        ("a.json.j2", "{\"x\": {{ v }}}", "{\"x\": \"a'b\\\"c\\\\d$e\\n\\u003c/script\\u003e\"}"),
        ("a.json.j2", "{\"x\": \"{{ v }}\"}", "{\"x\": \"a'b\\\"c\\\\d$e\\n\\u003c/script\\u003e\"}"),
        ("a.toml.j2", "x = {{ v }}\n", "x = \"a'b\\\"c\\\\d$e\\n\\u003c/script\\u003e\"\n"),
        ("a.sh.j2", "x={{ v }}", "x='a'\\''b\"c\\d$e\n</script>'"),
        ("a.sh.j2", "x=\"{{ v }}\"", "x=\"a'b\\\"c\\\\d\\$e\n</script>\""),
        ("a.html.j2", "<p title=\"{{ v }}\">", "<p title=\"a&#39;b&quot;c\\d$e\n&lt;/script&gt;\">"),
    ] {
        assert_eq!(render(name, text, evil).unwrap(), wanted, "{name} {text}");
    }
}

#[test]
fn places_where_nothing_is_safe_are_refused() {
    for (name, text) in [
        ("a.php.j2", "{{ v }}"),
        ("a.php.j2", "<?php // {{ v }}"),
        ("a.php.j2", "<?php /* {{ v }} */"),
        ("a.php.j2", "<?php $x = <<<EOT\n{{ v }}\nEOT;\n"),
        ("a.php.j2", "<?php $x = `{{ v }}`;"),
        ("a.php.j2", "<?php $x = '\\{{ v }}';"),
        ("a.php.j2", "<?php $x = \"${{ v }}\";"),
        ("a.php.j2", "<?php $x = {{ v }}{{ v }};"),
        ("a.php.j2", "<?php $x = '{{ v }};"),
        ("a.js.j2", "x = `{{ v }}`"),
        ("a.js.j2", "// {{ v }}"),
        ("a.js.j2", "x = /'/; y = {{ v }}\n"),
        ("a.sh.j2", "cat <<EOT\n{{ v }}\nEOT\n"),
        ("a.sh.j2", "# {{ v }}"),
        ("a.sh.j2", "x=\"$(echo '{{ v }}')\""),
        ("a.sh.j2", "x=${{ v }}"),
        ("a.sh.j2", "x=$(( {{ v }} + 1 ))"),
        ("a.toml.j2", "x = '{{ v }}'"),
        ("a.toml.j2", "x = \"\"\"{{ v }}\"\"\""),
        ("a.toml.j2", "x = {{ v }}{{ v }}"),
        ("a.json.j2", "{\"a\": \"\\{{ v }}\"}"),
        ("a.ini.j2", "[{{ v }}]"),
        ("a.ini.j2", "{{ v }} = 1"),
        ("a.html.j2", "<script>x = '{{ v }}'</script>"),
        ("a.html.j2", "<p {{ v }}>"),
        ("a.html.j2", "<p class={{ v }}>"),
        ("a.html.j2", "<p onclick=\"f('{{ v }}')\">"),
        ("a.html.j2", "<!-- {{ v }} -->"),
        ("a.html.j2", "<a href=\"{{ v }}:\">"),
    ] {
        assert!(matches!(render(name, text, "javascript:v"), Err(RenderError::Template { .. })), "{name} {text}");
    }
    for value in ["a\nb", "a\0b"] {
        assert!(render("a.ini.j2", "k = {{ v }}", value).is_err(), "{value:?}");
    }
    assert!(render("a.ini.j2", "k = \"{{ v }}\"", "a\"b").is_err());
    assert_eq!(render("a.ini.j2", "k = \"{{ v }}\"\n", "it's").unwrap(), "k = \"it's\"\n");
}

#[test]
fn unknown_suffixes_and_names() {
    assert!(matches!(render("a.txt.j2", "{{ v }}", "x"), Err(RenderError::UnknownSuffix { .. })));
    assert_eq!(render("a.txt.j2", "{{ v | raw }}\n", "x'").unwrap(), "x'\n");
    assert_eq!(render("a.txt.j2", "{% if v == 'x' %}yes{% endif %}", "x").unwrap(), "yes");
    let Err(RenderError::Template { line, .. }) = render("a.php.j2", "<?php\n{{ w }}", "x") else { panic!("no error") };
    assert_eq!(line, 2);
}

proptest! {
    #[test]
    fn an_ini_value_reads_back_and_nothing_else_changes(value in "\\PC*|[ -~\n\r\t#;=:%\\[\\]]*", key in "[a-z.]{0,3}[a-z]") {
        let key = format!("s.{key}");
        if let Ok(text) = set(FileFormat::Ini, "[s]\nother = 1\n[t]\nk = 2\n", &key, &value) {
            let all = ["s.*".to_owned(), "t.*".to_owned()];
            let read = read_keys(FileFormat::Ini, &text, &all).unwrap();
            prop_assert_eq!(read, [("s.other".to_owned(), "1".to_owned()), (key, value), ("t.k".to_owned(), "2".to_owned())]);
        }
    }

    #[test]
    fn json_and_toml_values_read_back(value in "\\PC*|[ -~\n\r\t\0]*") {
        for format in [FileFormat::Json, FileFormat::Toml] {
            let text = set(format, "", "a.b", &value).unwrap();
            prop_assert_eq!(read_keys(format, &text, &["a.b".into()]).unwrap(), [("a.b".to_owned(), value.clone())]);
        }
    }

    #[test]
    fn templates_of_data_read_back(value in "\\PC*|[ -~\n\r\t\u{1}-\u{1f}]*") {
        let text = render("a.json.j2", "{\"a\": {{ v }}, \"b\": \"-{{ v }}-\"}", &value).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(json["a"].as_str(), Some(value.as_str()));
        prop_assert_eq!(json["b"].as_str().map(str::to_owned), Some(format!("-{value}-")));
        let text = render("a.toml.j2", "a = {{ v }}\nb = \"-{{ v }}-\"\n", &value).unwrap();
        let toml: ::toml::Table = text.parse().unwrap();
        prop_assert_eq!(toml["a"].as_str(), Some(value.as_str()));
        prop_assert_eq!(toml["b"].as_str().map(str::to_owned), Some(format!("-{value}-")));
    }

    /// A literal of PHP or JavaScript ends where the template ends it: the value brings no
    /// unescaped quote, and for JavaScript no line break.
    #[test]
    fn no_value_closes_its_string(value in "\\PC*|['\"\\\\\n\r$`{}a/*?>]*") {
        for quote in ['\'', '"'] {
            for (name, start) in [("a.php.j2", "<?php x("), ("a.js.j2", "x(")] {
                let text = render(name, &format!("{start}{quote}{{{{ v }}}}{quote})"), &value).unwrap();
                let body = text.strip_prefix(start).and_then(|text| text.strip_prefix(quote)).unwrap();
                let mut chars = body.chars();
                let end = loop {
                    match chars.next() {
                        Some('\\') => drop(chars.next()),
                        Some(c) if c == quote => break chars.as_str(),
                        Some(c) => prop_assert!(!(name.contains("js") && (c == '\n' || c == '\r')), "line break"),
                        None => break "never closed",
                    }
                };
                prop_assert_eq!(end, ")");
            }
        }
    }
}
