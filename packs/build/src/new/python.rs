//! Python: Django by its `manage.py`, other frameworks by the line that makes the application.

use super::{
    Found,
    look::{About, Look, running},
    text::{Text, quoted},
};
use regex::Regex;

/// Frameworks: what makes an application, and whether that is ASGI.
const FRAMEWORKS: [(&str, &str, bool); 9] = [
    (r"(?:flask\.)?Flask\(", "Flask", false),
    (r"(?:fastapi\.)?FastAPI\(", "FastAPI", true),
    (r"(?:starlette\.applications\.)?Starlette\(", "Starlette", true),
    (r"(?:quart\.)?Quart\(", "Quart", true),
    (r"(?:litestar\.)?Litestar\(", "Litestar", true),
    (r"(?:bottle\.)?(?:Bottle|default_app)\(", "Bottle", false),
    (r"falcon\.asgi\.App\(", "Falcon", true),
    (r"falcon\.(?:App|API)\(", "Falcon", false),
    (r"tornado\.wsgi\.WSGIContainer\(", "Tornado", false),
];
const ENVIRONMENT: &str = r#"(?:environ(?:\.get)?\s*[\[(]|getenv\(|env(?:\.\w+)?\()\s*["']([A-Z][A-Z0-9_]*)["']"#;

/// A Django project.
pub(super) fn django(look: &Look) -> Option<Found> {
    let manage = look.text("manage.py");
    let settings = Regex::new(r#"DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']"#).ok()?;
    let module = settings.captures(&manage)?.get(1)?.as_str().to_owned();
    let project = module.split('.').next()?;
    let asgi = !look.has(&format!("{project}/wsgi.py")) && look.has(&format!("{project}/asgi.py"));
    let kind = if asgi { "asgi" } else { "wsgi" };
    let mut text = begin(look, asgi);
    let callable = format!("callable = {}", quoted(&format!("{project}.{kind}:application")));
    text.table("[processes.web]");
    if look.has(&format!("{project}/{kind}.py")) {
        text.line(&format!("{callable}   # {project}/{kind}.py"));
    } else {
        text.guess(&callable, "where the application is");
    }
    text.table("[commands]");
    let migrate = "command = [\"python\", \"manage.py\", \"migrate\", \"--noinput\"]";
    text.line(&format!("init = {{ {migrate}, timeout = \"5m\" }}"));
    text.guess(
        &format!("migrate = {{ {migrate}, data = \"breaking\", timeout = \"15m\" }}"),
        "`breaking` is safe: the data are put back when an update fails; `additive` closes nothing",
    );
    text.line("test = { command = [\"python\", \"manage.py\", \"check\", \"--deploy\"], timeout = \"2m\" }");
    text.line("");
    text.remark("the database is SQLite or a server of yours: its file goes to ${SILVER_DATA_DIR}, its address into a setting");
    text.remark("`ALLOWED_HOSTS` and `CSRF_TRUSTED_ORIGINS` come from SILVER_URL; `STATIC_ROOT` is filled by `collectstatic`");
    Some(end(look, text, format!("a Django project ({})", kind.to_uppercase())))
}

/// Another framework, by the line `NAME = Framework(`.
pub(super) fn framework(look: &Look) -> Option<Found> {
    let (callable, file, framework, asgi) = callable(look)?;
    let mut text = begin(look, asgi);
    text.table("[processes.web]").line(&format!("callable = {}   # {file}", quoted(&callable)));
    let interface = if asgi { "ASGI" } else { "WSGI" };
    Some(end(look, text, format!("a {framework} application ({interface})")))
}

/// Python without an application that was found.
pub(super) fn unknown(look: &Look) -> Option<Found> {
    ["requirements.txt", "requirements.lock", "pyproject.toml", "setup.py", "setup.cfg"].iter().find(|name| look.has(name))?;
    let factory = Regex::new(r"(?m)^def (create_app|make_app|create_application)\(").ok()?;
    let made = look.with_suffix(".py").into_iter().find_map(|file| {
        let function = factory.captures(&look.text(file))?.get(1)?.as_str().to_owned();
        Some((module(file), function))
    });
    let mut text = begin(look, false);
    text.table("[processes.web]")
        .guess("callable = \"wsgi:application\"", "the module and the name of the WSGI or ASGI application");
    let what = if let Some((module, function)) = made {
        text.remark(&format!(
            "`{function}` makes the application; it has to be made by a module: write wsgi.py with `from {module} import {function}` and `application = {function}()`"
        ));
        "a Python application with a factory"
    } else {
        "Python, but no application was found in it"
    };
    Some(end(look, text, what.to_owned()))
}

/// `module:name`, the file, the framework, ASGI?
fn callable(look: &Look) -> Option<(String, String, &'static str, bool)> {
    let mut files = look.with_suffix(".py");
    let likely = ["wsgi.py", "asgi.py", "app.py", "main.py", "application.py"];
    let rank = |file: &str| {
        let test = file.contains("test") || file.contains("example") || file.contains("docs/");
        let name = file.rsplit('/').next().unwrap_or_default();
        (test, likely.iter().position(|one| *one == name).unwrap_or(likely.len()), file.contains('/'))
    };
    files.sort_by_key(|file| rank(file));
    let line = |pattern| Regex::new(&format!(r"(?m)^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*{pattern}")).ok();
    let frameworks: Vec<(Regex, &str, bool)> =
        FRAMEWORKS.iter().filter_map(|(pattern, framework, asgi)| Some((line(*pattern)?, *framework, *asgi))).collect();
    let application = Regex::new(r"(?m)^(?:(?:async\s+)?def\s+)?(application|app)\b\s*(?:=|\([^)]*\)\s*(?:->[^:\n]*)?:)").ok()?;
    for file in files.into_iter().filter(|file| !rank(file).0) {
        let content = look.text(file);
        for (line, framework, asgi) in &frameworks {
            if let Some(name) = line.captures(&content).and_then(|groups| groups.get(1)) {
                return Some((format!("{}:{}", module(file), name.as_str()), file.to_owned(), framework, *asgi));
            }
        }
        if matches!(file, "wsgi.py" | "asgi.py")
            && let Some(name) = application.captures(&content).and_then(|groups| groups.get(1))
        {
            let asgi = file == "asgi.py";
            return Some((format!("{}:{}", module(file), name.as_str()), file.to_owned(), "Python", asgi));
        }
    }
    None
}

/// `pkg/__init__.py` → `pkg`, `pkg/main.py` → `pkg.main`.
fn module(file: &str) -> String {
    let path = file.strip_suffix(".py").unwrap_or(file);
    path.strip_suffix("/__init__").unwrap_or(path).replace('/', ".")
}

/// `[pack]`, `[build]` and `[runtime]`.
fn begin(look: &Look, asgi: bool) -> Text {
    let mut text = Text::new();
    let about = about(look);
    look.pack(&mut text, &about);
    text.table("[build]");
    let python = "python = { requirements = \"requirements.lock\", wheels = \"wheels\" }";
    if look.has("requirements.lock") {
        text.line(&format!("{python}   # every package with its version and hashes"));
    } else {
        let from = ["requirements.in", "requirements.txt", "pyproject.toml", "setup.py"].into_iter().find(|name| look.has(name));
        let why = format!(
            "the file does not exist yet: `pip-compile --generate-hashes -o requirements.lock {}` makes it",
            from.unwrap_or("requirements.in")
        );
        text.guess(python, &why);
    }
    if let Some(exclude) = look.exclude() {
        text.line(&exclude);
    }
    let (server, interface) = if asgi { ("uvicorn", "ASGI") } else { ("gunicorn", "WSGI") };
    let named = ["requirements.lock", "requirements.txt", "requirements.in", "pyproject.toml", "setup.py"];
    if !named.iter().any(|file| look.text(file).to_ascii_lowercase().contains(server)) {
        text.remark(&format!("the pack needs a server for {interface} among its packages: add `{server}` to the requirements"));
    }
    text.table("[runtime]").line("kind = \"python\"");
    match about_python(look) {
        Some(version) => text.line(&format!("version = {}   # pyproject.toml", quoted(&version))),
        None => text.guess("version = \">=3.9\"", "the versions of Python that it runs with"),
    };
    text
}

fn end(look: &Look, mut text: Text, what: String) -> Found {
    running(&mut text);
    look.environment(&mut text, &look.with_suffix(".py"), ENVIRONMENT);
    Found { what, text }
}

fn pyproject(look: &Look) -> toml_edit::DocumentMut {
    look.text("pyproject.toml").parse().unwrap_or_default()
}

fn about(look: &Look) -> About {
    let document = pyproject(look);
    let field = |name: &str| Some(document.get("project")?.get(name)?.as_str()?.to_owned());
    About {
        file: "pyproject.toml",
        name: field("name"),
        version: field("version"),
        summary: field("description"),
        license: field("license"),
    }
}

/// `requires-python`, when it is a range as a manifest takes it.
fn about_python(look: &Look) -> Option<String> {
    let version = pyproject(look).get("project")?.get("requires-python")?.as_str()?.replace(' ', "");
    let range = Regex::new(r"^(>=|<=|>|<|==)\d+(\.\d+)*(,(>=|<=|>|<|==)\d+(\.\d+)*)*$").ok()?;
    range.is_match(&version).then_some(version)
}
