//! A value with quotes in a template of another language: it arrives as it is, and means nothing.

use silver_tests::World;
use std::fs;

const VALUE: &str = r#"it's "ours"\'; system("id"); // <?php ?> </script> ${HOME} `id` {{ x }}"#;

#[test]
fn a_quote_in_a_setting_ends_no_string() {
    let world = World::new();
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let mut text = fs::read_to_string(&manifest).unwrap();
    for (file, template) in [
        ("site.php", "<?php\n$one = {{ greeting }};\n$two = '{{ greeting }}';\n$three = \"{{ greeting }}\";\n"),
        ("site.js", "const one = {{ greeting }};\nconst two = '{{ greeting }}';\n"),
        ("site.json", "{\"one\": {{ greeting }}, \"two\": \"{{ greeting }}\"}\n"),
    ] {
        let bind = format!("\n[[bind]]\nfrom = \"setting.greeting\"\nto = \"template:conf/{file}.j2\"\n");
        text.push_str(&bind);
        fs::write(dir.path().join(format!("instance/conf/{file}.j2")), template).unwrap();
    }
    fs::write(&manifest, text).unwrap();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", "quoted.zip"]).ok();
    world.write("mine/customize.toml", &format!("[pack]\nid = \"org.silver.hello\"\n\n[settings]\ngreeting = '''{VALUE}'''\n"));
    world.silver(["update", "quoted.zip", "--customize=mine/", "--yes"]).ok();

    // as the application reads them
    let read = |file: &str| {
        let script = format!("cat \"$SILVER_INSTANCE_DIR/conf/{file}\"");
        world.silver(["run", "hello", "--", "sh", "-c", &script]).ok().stdout()
    };
    let php = read("site.php");
    let lines: Vec<&str> = php.lines().collect();
    assert_eq!(lines.len(), 4, "{php}");
    for (line, name, quote) in [(lines[1], "one", '\''), (lines[2], "two", '\''), (lines[3], "three", '"')] {
        let literal = line.strip_prefix(&format!("${name} = ")).and_then(|rest| rest.strip_suffix(';')).unwrap();
        assert_eq!(unquoted_php(literal, quote), VALUE, "{line}");
    }
    let js = read("site.js");
    for (line, name) in js.lines().zip(["one", "two"]) {
        let literal = line.strip_prefix(&format!("const {name} = ")).and_then(|rest| rest.strip_suffix(';')).unwrap();
        assert!(!literal.contains("</script"), "{line}");
        assert_eq!(unquoted_js(literal), VALUE, "{line}");
    }
    let json: serde_json::Value = serde_json::from_str(&read("site.json")).unwrap();
    assert_eq!(json, serde_json::json!({ "one": VALUE, "two": VALUE }));
    // and the others took no harm either
    let facts: serde_json::Value = serde_json::from_str(&world.http().page("hello.localhost", "/who")).unwrap();
    assert_eq!(facts["settings"]["greeting"], VALUE);
}

/// What PHP reads from a literal; one that ends early is none.
fn unquoted_php(literal: &str, quote: char) -> String {
    let inner = literal.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap();
    let (mut read, mut chars) = (String::new(), inner.chars().peekable());
    while let Some(c) = chars.next() {
        assert_ne!(c, quote, "the string ends early: {literal}");
        assert!(quote == '\'' || !"${".contains(c), "a variable: {literal}");
        match (c, chars.peek().copied()) {
            ('\\', Some(next)) if next == quote || next == '\\' || (quote == '"' && next == '$') => {
                read.push(next);
                chars.next();
            }
            ('\\', Some('x')) if quote == '"' => {
                let hex: String = chars.by_ref().skip(1).take(2).collect();
                read.push(char::from(u8::from_str_radix(&hex, 16).unwrap()));
            }
            _ => read.push(c),
        }
    }
    read
}

/// What JavaScript reads from a literal.
fn unquoted_js(literal: &str) -> String {
    let quote = literal.chars().next().unwrap();
    assert!(quote == '"' || quote == '\'', "{literal}");
    let inner = literal.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap();
    let (mut read, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        assert_ne!(c, quote, "the string ends early: {literal}");
        if c != '\\' {
            read.push(c);
            continue;
        }
        let digits = match chars.next().unwrap() {
            'u' => 4,
            'x' => 2,
            plain => {
                assert!(!plain.is_ascii_alphanumeric(), "{literal}");
                read.push(plain);
                continue;
            }
        };
        let hex: String = chars.by_ref().take(digits).collect();
        read.push(char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap());
    }
    read
}
