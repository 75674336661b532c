//! PHP, static sites, and what could not be told.

use super::{
    Found,
    look::{About, Look, running},
    node,
    text::{Text, list, quoted},
};

/// Generators of sites: the file that gives them away, the command, the directory that it makes.
const GENERATORS: [(&str, &[&str], &str, &str); 4] = [
    ("mkdocs.yml", &["mkdocs", "build"], "site", "MkDocs"),
    ("hugo.toml", &["hugo"], "public", "Hugo"),
    ("_config.yml", &["jekyll", "build"], "_site", "Jekyll"),
    ("conf.py", &["sphinx-build", ".", "_build/html"], "_build/html", "Sphinx"),
];

/// A PHP application.
pub(super) fn php(look: &Look) -> Option<Found> {
    let root = ["public/index.php", "web/index.php", "index.php", "htdocs/index.php"].into_iter().find(|file| look.has(file));
    if root.is_none() && !look.has("composer.json") {
        return None;
    }
    let mut text = Text::new();
    look.pack(&mut text, &About { file: "composer.json", ..node::about(&look.json("composer.json")) });
    if let Some(exclude) = look.exclude() {
        text.table("[build]").line(&exclude);
    }
    text.table("[runtime]");
    text.remark("this version of silver cannot run PHP yet, so it refuses this manifest: \"not supported yet\"");
    text.line("kind = \"php\"");
    if let Some(directory) = root.and_then(|file| Some(file.rsplit_once('/')?.0)) {
        text.remark(&format!("the web server's root is {directory}/"));
    }
    Some(Found { what: "a PHP application".to_owned(), text })
}

/// A static site, made already or by a generator.
pub(super) fn site(look: &Look) -> Option<Found> {
    if let Some((file, command, output, name)) = GENERATORS.into_iter().find(|(file, ..)| look.has(file)) {
        let mut text = Text::new();
        look.pack(&mut text, &About::default());
        text.table("[build]");
        text.line("exclude = [\"**\"]   # nothing but what the command makes");
        text.table("[[build.command]]");
        text.guess(
            &format!("command = {}", list(command)),
            &format!("{file} is that of {name}; it has to be on the machine that packs"),
        );
        text.line(&format!("outputs = {}", list(&[output])));
        end(&mut text, output);
        return Some(Found { what: format!("a site that {name} makes"), text });
    }
    let made = ["public", "dist", "site", "_site", "build", "html", "htdocs", "www"];
    let root = made.into_iter().find(|directory| look.has(&format!("{directory}/index.html")));
    let mut text = Text::new();
    look.pack(&mut text, &node::about(&look.json("package.json")));
    text.table("[build]");
    if let Some(root) = root {
        text.line(&format!("copy = [{{ from = {} }}]", quoted(root)));
        end(&mut text, root);
    } else {
        if !look.has("index.html") {
            return None;
        }
        text.line("copy = [");
        for name in look.top() {
            let name = name.trim_end_matches('/');
            if name.starts_with('.') && name != ".well-known"
                || matches!(name, "package.json" | "package-lock.json" | "README.md")
            {
                continue;
            }
            text.line(&format!("    {{ from = {}, into = {} }},", quoted(name), quoted(&format!("site/{name}"))));
        }
        text.line("]");
        end(&mut text, "site");
    }
    Some(Found { what: "a static site".to_owned(), text })
}

/// Nothing that is known.
pub(super) fn unknown(look: &Look) -> Found {
    let mut text = Text::new();
    look.pack(&mut text, &About::default());
    if let Some(exclude) = look.exclude() {
        text.table("[build]").line(&exclude);
    }
    text.table("[runtime]").guess("kind = \"command\"", "static, python, nodejs or command");
    text.table("[processes.web]");
    text.guess(
        "command = [\"./serve\"]",
        "the program that answers HTTP, on the socket in SILVER_SOCKET or, with listen = \"port\", on PORT",
    );
    running(&mut text);
    Found { what: "nothing that silver knows".to_owned(), text }
}

fn end(text: &mut Text, root: &str) {
    text.table("[runtime]").line("kind = \"static\"").line(&format!("root = {}   # what is served", quoted(root)));
}
