//! Node.js: a server by the `start` script of `package.json`, or by its usual names.

use super::{
    Found,
    look::{About, Look, running},
    text::{Text, list},
};
use serde_json::Value;

const ENVIRONMENT: &str = r#"process\.env(?:\.|\[["'])([A-Z][A-Z0-9_]*)"#;
/// Programs that serve while somebody develops; what they would serve is made by a build.
const DEVELOPING: [&str; 8] =
    ["vite", "react-scripts", "webpack", "webpack-dev-server", "parcel", "gulp", "nodemon", "vue-cli-service"];

/// A program of Node.js that answers HTTP.
pub(super) fn server(look: &Look) -> Option<Found> {
    let package = look.json("package.json");
    let start = package["scripts"]["start"].as_str().unwrap_or_default();
    let words: Vec<&str> = start.split_whitespace().collect();
    let plain = !start.contains(['&', '|', ';', '$', '"', '\'', '<', '>', '*', '=']);
    let usual = ["server.js", "app.js", "index.js", "server.mjs", "index.mjs"].into_iter().find(|name| look.has(name));
    let first = words.first().copied().unwrap_or_default();
    if DEVELOPING.contains(&first) {
        return None;
    }
    let (command, why) = match first {
        "node" if plain => (words.iter().map(|word| (*word).to_owned()).collect(), None),
        "" => {
            let main = package["main"].as_str().map(|main| main.trim_start_matches("./")).filter(|main| look.has(main));
            let file = main.or(usual)?;
            if !package.is_object() && !serves(&look.text(file)) {
                return None;
            }
            (vec!["node".to_owned(), file.to_owned()], Some("package.json has no script `start`"))
        }
        _ if plain => {
            let program = format!("node_modules/.bin/{first}");
            let rest = words.iter().skip(1).map(|word| (*word).to_owned());
            (std::iter::once(program).chain(rest).collect(), Some("the script `start` of package.json, without npm"))
        }
        _ => {
            let file = usual.unwrap_or("server.js");
            (vec!["node".to_owned(), file.to_owned()], Some("the script `start` of package.json is for a shell"))
        }
    };
    let mut text = Text::new();
    look.pack(&mut text, &about(&package));
    text.table("[build]");
    if package["dependencies"].as_object().is_some_and(|some| !some.is_empty()) {
        if look.has("package-lock.json") {
            text.line("npm = { lock = \"package-lock.json\" }   # node_modules enters the pack; no scripts of packages are run");
        } else {
            let why = "the file does not exist yet: `npm install --package-lock-only` makes it";
            text.guess("npm = { lock = \"package-lock.json\" }", why);
        }
    }
    if let Some(exclude) = look.exclude() {
        text.line(&exclude);
    }
    if package["scripts"]["build"].is_string() {
        text.remark(
            "package.json has a script `build`; what it makes has to be there, or be made by a row of `[[build.command]]`",
        );
    }
    text.table("[runtime]").line("kind = \"nodejs\"");
    let engine = package["engines"]["node"].as_str().map(|range| range.replace(' ', ""));
    match engine
        .filter(|range| range.strip_prefix(">=").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')))
    {
        Some(range) => text.line(&format!("version = {}   # package.json", super::text::quoted(&range))),
        None => text.guess("version = \">=18\"", "the versions of Node.js that it runs with"),
    };
    text.table("[processes.web]");
    let line = format!("command = {}", list(&command));
    match why {
        None => text.line(&format!("{line}   # package.json: scripts.start")),
        Some(why) => text.guess(&line, why),
    };
    let reads_port = look.with_suffix("js").iter().any(|file| look.text(file).contains("process.env.PORT"));
    if reads_port {
        text.line("listen = \"port\"   # it reads process.env.PORT");
    } else {
        text.guess("listen = \"port\"", "the application has to listen on the port in the variable PORT, on 127.0.0.1");
    }
    running(&mut text);
    let files: Vec<&str> = [".js", ".mjs", ".cjs", ".ts"].iter().flat_map(|suffix| look.with_suffix(suffix)).collect();
    look.environment(&mut text, &files, ENVIRONMENT);
    Some(Found { what: "a Node.js application".to_owned(), text })
}

fn serves(script: &str) -> bool {
    ["createServer(", ".listen("].iter().any(|word| script.contains(word))
}

pub(super) fn about(package: &Value) -> About {
    let field = |name: &str| package[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    About {
        file: "package.json",
        name: field("name"),
        version: field("version"),
        summary: field("description"),
        license: field("license").filter(|license| license != "UNLICENSED" && !license.starts_with("SEE ")),
    }
}
