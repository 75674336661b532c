use super::*;
use silver_pack::manifest::RuntimeKind;
use tempfile::TempDir;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::with_prefix("My_App.").unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// The draft, which is a manifest that is read.
fn drafted(files: &[(&str, &str)]) -> (Draft, manifest::Manifest) {
    let dir = directory(files);
    let draft = draft(dir.path()).unwrap();
    let manifest = manifest::parse(&draft.text, "pack.toml").unwrap_or_else(|error| panic!("{error}\n{}", draft.text));
    assert!(draft.refused.is_none());
    // whatever is marked is also told, and the other way round
    assert!(draft.text.matches("# guess:").count() <= draft.guesses.len(), "{}", draft.text);
    (draft, manifest)
}

#[test]
fn applications_of_python_are_told_by_the_line_that_makes_them() {
    for (files, what, callable) in [
        (&[("app.py", "from flask import Flask\napp = Flask(__name__)\n")][..], "a Flask application (WSGI)", "app:app"),
        (&[("main.py", "import fastapi\napi: FastAPI = fastapi.FastAPI(\n")], "a FastAPI application (ASGI)", "main:api"),
        (&[("shop/__init__.py", "app = Flask('shop')")], "a Flask application (WSGI)", "shop:app"),
        (&[("shop/web.py", "site = Starlette(routes=[])")], "a Starlette application (ASGI)", "shop.web:site"),
        (
            &[("test_app.py", "app = Flask('test')"), ("service.py", "api = falcon.asgi.App()")],
            "a Falcon application (ASGI)",
            "service:api",
        ),
        (&[("wsgi.py", "from x import make\napplication = make()\n")], "a Python application (WSGI)", "wsgi:application"),
        (&[("wsgi.py", "def application(environ, start_response):\n")], "a Python application (WSGI)", "wsgi:application"),
        (&[("asgi.py", "async def app(scope, receive, send) -> None:\n")], "a Python application (ASGI)", "asgi:app"),
        (
            &[("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'blog.settings')"), ("blog/wsgi.py", "")],
            "a Django project (WSGI)",
            "blog.wsgi:application",
        ),
        (
            &[("manage.py", "os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"blog.conf.prod\")"), ("blog/asgi.py", "")],
            "a Django project (ASGI)",
            "blog.asgi:application",
        ),
    ] {
        let (draft, manifest) = drafted(files);
        assert_eq!((draft.what.as_str(), manifest.runtime.kind), (what, RuntimeKind::Python), "{}", draft.text);
        assert_eq!(manifest.processes["web"].callable.as_deref(), Some(callable));
    }
    let (django, manifest) = drafted(&[("manage.py", "('DJANGO_SETTINGS_MODULE', 'blog.settings')"), ("blog/wsgi.py", "")]);
    assert!(manifest.commands.migrate.is_some() && django.text.contains("CSRF_TRUSTED_ORIGINS"));
    let (factory, _) =
        drafted(&[("requirements.txt", "flask"), ("shop/__init__.py", "def create_app():\n    return Flask('x')\n")]);
    assert!(factory.text.contains("from shop import create_app"), "{}", factory.text);
}

#[test]
fn what_python_says_of_itself_is_taken_and_what_is_missing_is_told() {
    let project = "[project]\nname = \"My_Shop\"\nversion = \"1.2.3\"\ndescription = \"A \\\"shop\\\"\"\nrequires-python = \">=3.11, <4\"\n";
    let app = "import os\napp = Flask(__name__)\napp.secret_key = os.environ[\"SECRET_KEY\"]\nos.getenv('DATABASE_URL')\n";
    let files = [
        ("pyproject.toml", project),
        ("app.py", app),
        (".venv/pyvenv.cfg", ""),
        (".env", "SECRET=1"),
        ("requirements.txt", "flask\n"),
    ];
    let (draft, manifest) = drafted(&files);
    assert_eq!((manifest.pack.name.as_ref(), manifest.pack.version.to_string().as_str()), ("my-shop", "1.2.3"));
    assert_eq!(manifest.pack.summary, "A \"shop\"");
    assert_eq!(manifest.runtime.version.as_deref(), Some(">=3.11,<4"));
    assert!(manifest.secrets.contains_key("secret-key") && manifest.bind.len() == 1);
    let excluded: Vec<&str> = manifest.build.exclude.iter().map(manifest::Glob::as_str).collect();
    assert_eq!(excluded, [".venv/**", ".env"]);
    let told = draft.guesses.join("\n");
    for word in ["org.example.my-shop", "pip-compile", "add `gunicorn`", "DATABASE_URL", "read-only"] {
        assert!(told.contains(word), "`{word}` in\n{told}");
    }
}

#[test]
fn servers_of_nodejs() {
    let package = r#"{"name": "@me/Board", "version": "2.0.0", "license": "MIT", "scripts": {"start": "node server.js --quiet"},
        "dependencies": {"express": "4"}, "engines": {"node": ">= 20"}}"#;
    let files = [
        ("package.json", package),
        ("package-lock.json", "{}"),
        ("server.js", "app.listen(process.env.PORT); process.env.API_TOKEN"),
    ];
    let (draft, manifest) = drafted(&files);
    assert_eq!((draft.what.as_str(), manifest.runtime.kind), ("a Node.js application", RuntimeKind::NodeJs));
    assert_eq!(manifest.processes["web"].command, ["node", "server.js", "--quiet"]);
    assert_eq!((manifest.pack.name.as_ref(), manifest.pack.license.as_deref()), ("board", Some("MIT")));
    assert_eq!(manifest.runtime.version.as_deref(), Some(">=20"));
    assert!(manifest.build.npm.is_some() && manifest.secrets.contains_key("api-token"), "{}", draft.text);
    let (_, manifest) = drafted(&[("package.json", r#"{"scripts": {"start": "next start -p 80"}}"#)]);
    assert_eq!(manifest.processes["web"].command, ["node_modules/.bin/next", "start", "-p", "80"]);
    let (draft, manifest) = drafted(&[("package.json", r#"{"scripts": {"start": "A=1 node x && true"}}"#)]);
    assert_eq!(manifest.processes["web"].command, ["node", "server.js"]);
    assert!(draft.text.contains("is for a shell"), "{}", draft.text);
}

#[test]
fn sites_and_what_is_not_known() {
    let (draft, manifest) = drafted(&[("index.html", ""), ("css/a.css", ""), (".git/config", ""), ("README.md", "")]);
    assert_eq!((draft.what.as_str(), manifest.runtime.root.as_deref()), ("a static site", Some("site")));
    let copied: Vec<&str> = manifest.build.copy.iter().map(|rule| rule.from.as_str()).collect();
    assert_eq!(copied, ["css", "index.html"]);
    // a page made for somebody who develops is no server
    let vite = [("package.json", r#"{"scripts": {"start": "vite"}}"#), ("dist/index.html", "")];
    assert_eq!(drafted(&vite).1.runtime.root.as_deref(), Some("dist"));
    let (draft, manifest) = drafted(&[("mkdocs.yml", ""), ("docs/index.md", "")]);
    assert_eq!(draft.what, "a site that MkDocs makes");
    assert_eq!(manifest.build.command[0].outputs[0].as_str(), "site");
    for files in [&[][..], &[("notes.txt", "")]] {
        let (draft, manifest) = drafted(files);
        assert_eq!((draft.what.as_str(), manifest.runtime.kind), ("nothing that silver knows", RuntimeKind::Command));
        assert!(manifest.pack.name.starts_with("my-app"), "{}", manifest.pack.name);
    }
}

#[test]
fn php_is_said_to_be_not_supported_yet() {
    let dir = directory(&[("public/index.php", "<?php"), ("composer.json", r#"{"name": "me/blog", "description": "A blog"}"#)]);
    let draft = draft(dir.path()).unwrap();
    assert_eq!(draft.what, "a PHP application");
    let refused = draft.refused.unwrap();
    assert_eq!(refused.problems.len(), 1, "{refused}");
    assert!(refused.to_string().contains("`runtime.kind = \"php\"` is not supported yet"), "{refused}");
    assert!(draft.text.contains("name = \"blog\"") && draft.text.contains("cannot run PHP yet"), "{}", draft.text);
}

#[test]
fn hostile_words_stay_words() {
    let project = "[project]\nname = \"a\\u001b[31m\\\"\\n[x]\"\ndescription = \"a\\nb\\u202e\"\nlicense = \"x\\\"y\"\n";
    let (_, manifest) = drafted(&[("pyproject.toml", project), ("app.py", "app = Flask('\u{1b}')")]);
    assert_eq!((manifest.pack.name.as_ref(), manifest.pack.summary.as_str()), ("a--31m---x", "a b"));
}

#[test]
fn nothing_is_overwritten() {
    let dir = directory(&[("index.html", "")]);
    let first = draft(dir.path()).unwrap();
    let path = write(dir.path(), &first).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), first.text);
    assert!(matches!(write(dir.path(), &first), Err(NewError::Exists(_))));
    assert!(matches!(draft(&dir.path().join("absent")), Err(NewError::Read { .. })));
}
