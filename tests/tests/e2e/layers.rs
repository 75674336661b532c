//! `base = "../agency"`: what many sites have in common, and its upgrades.

use silver_tests::{World, hello};
use std::fs;

const TEMPLATE: &str = "<!doctype html>
<title>$title</title>
<h1>$greeting</h1>
<p>Counted so far: <b>$count</b>, says version $version of release $release.</p>
";

/// Two sites on one agency, deployed with hello 1.0.0; and hello 1.1.0, whose template is another.
fn world() -> World {
    let world = World::new();
    world.write(
        "agency/customize.toml",
        "[pack]\nid = \"org.silver.hello\"\n\n[settings]\ngreeting = \"Agency\"\ntitle = \"T\"\n",
    );
    world.write("agency/templates/index.html", &TEMPLATE.replace("<h1>", "<h1 class=\"agency\">"));
    for site in ["one", "two"] {
        let text = format!("base = \"../agency\"\n\n[pack]\nid = \"org.silver.hello\"\n\n[settings]\ngreeting = \"{site}\"\n");
        world.write(&format!("{site}/customize.toml"), &text);
        world
            .silver([
                "update",
                &world.hello("good").display().to_string(),
                &format!("--customize={site}"),
                "--name",
                site,
                "--yes",
            ])
            .ok();
    }
    let dir = hello::variant("next");
    fs::write(dir.path().join("instance/templates/index.html"), TEMPLATE.replace("<h1>", "<h1 class=\"theirs\">")).unwrap();
    world.silver(["pack", &dir.path().display().to_string(), "-o", "next.zip"]).ok();
    world
}

#[test]
fn a_conflict_settled_in_the_base_is_settled_for_every_site() {
    let world = world();
    let page = |site: &str| world.http().page(&format!("{site}.localhost"), "/");
    assert!(page("one").contains("<h1 class=\"agency\">one"), "{}", page("one"));
    assert!(page("two").contains("<h1 class=\"agency\">two"));
    let why = world.silver(["explain", "one", "templates/index.html"]).ok().stdout();
    assert!(why.contains("customization:../agency/templates/index.html"), "{why}");
    let event = world.json(&["registry", "show", "0"]);
    let event = event.to_string();
    assert!(event.contains("\"customization-layers\":[[\"\",\"sha256:") && event.contains("[\"../agency\",\"sha256:"), "{event}");

    for site in ["one", "two"] {
        let ran = world.silver(["update", "next.zip", &format!("--customize={site}"), "--name", site, "--yes"]).exits(2);
        assert!(ran.stderr().contains("`../agency/templates/index.html` was made from it"), "{}", ran.snapshot());
        assert!(ran.stderr().contains("--customize=agency"), "{}", ran.snapshot());
    }
    let before = fs::read(world.work().join("one/customize.lock")).unwrap();
    let ran = world.silver(["customize", "rebase", "next.zip", "--customize=one"]).exits(3);
    assert!(ran.stdout().contains("comes from the base ../agency"), "{}", ran.snapshot());
    assert_eq!(ran.stdout().matches("index.html").count(), 1, "told once: {}", ran.snapshot());
    world.silver(["customize", "rebase", "next.zip", "--customize=one", "--ours", "templates/index.html"]).exits(2);
    assert_eq!(fs::read(world.work().join("one/customize.lock")).unwrap(), before);

    // the agency was never deployed by itself: its lock knows nothing
    let ran = world.silver(["customize", "rebase", "next.zip", "--customize=agency"]).ok();
    assert!(ran.stdout().contains("unknown") && ran.stdout().contains("--base"), "{}", ran.snapshot());
    let good = world.hello("good").display().to_string();
    let settle = ["customize", "rebase", "next.zip", "--customize=agency", "--base", &good, "--ours", "templates/index.html"];
    world.silver(settle).ok();
    for site in ["one", "two"] {
        world.silver(["update", "next.zip", &format!("--customize={site}"), "--name", site, "--yes"]).ok();
        assert!(page(site).contains("<h1 class=\"agency\">") && page(site).contains("1.0.1"), "{}", page(site));
    }

    // a site's own file stands in place of the base's
    world.write("two/templates/index.html", &TEMPLATE.replace("<h1>", "<h1 class=\"two\">"));
    world.silver(["update", "next.zip", "--customize=two", "--name", "two", "--yes"]).ok();
    assert!(page("two").contains("<h1 class=\"two\">two"));
}

#[test]
fn bases_that_cannot_be_are_refused() {
    let world = World::new();
    let zip = world.hello("good").display().to_string();
    for (base, text) in [
        ("../one", "in a circle: one"),
        ("../nowhere", "is not there: one"),
        ("/srv/agency", "relative to this file"),
        ("..", "inside of this customization, or around it"),
    ] {
        world.write("one/customize.toml", &format!("base = \"{base}\"\n\n[pack]\nid = \"org.silver.hello\"\n"));
        let ran = world.silver(["merge", &zip, "--customize=one"]).exits(2);
        assert!(ran.stderr().contains(text) && ran.stderr().contains("hint:"), "{}", ran.snapshot());
    }
}
