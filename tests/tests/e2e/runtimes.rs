//! Every runtime, from a directory with a pack.toml to an answer through the front.

use silver_tests::World;

/// Packs `dir` of the working directory and deploys it.
fn deploy(world: &World, dir: &str) {
    world.silver(["pack", dir, "-o", "app.zip"]).ok();
    world.silver(["update", "app.zip", "--yes"]).ok();
}

#[test]
fn static_files() {
    let world = World::new();
    world.write(
        "site/pack.toml",
        r#"format = 1
[pack]
id = "org.example.site"
name = "site"
version = "1.0.0"
app-version = "1"
[runtime]
kind = "static"
root = "public"
"#,
    );
    world.write("site/public/index.html", "<h1>Welcome</h1>");
    world.write("site/public/style.css", "h1 { color: teal }");
    world.write("site/private.txt", "not to be seen");
    deploy(&world, "site");
    let http = world.http();
    assert_eq!(http.page("site.localhost", "/"), "<h1>Welcome</h1>");
    let style = http.get("site.localhost", "/style.css").unwrap();
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!style.header("etag").is_empty() && style.header("last-modified").is_empty(), "{style:?}");
    for outside in ["/private.txt", "/../private.txt", "/%2e%2e/private.txt", "/pack.toml"] {
        assert_ne!(http.get("site.localhost", outside).unwrap().status, 200, "{outside}");
    }
    // an update without processes: nobody is turned away, and the files are the new ones
    world.write("site/public/index.html", "<h1>Welcome back</h1>");
    world.write(
        "site/pack.toml",
        &std::fs::read_to_string(world.work().join("site/pack.toml")).unwrap().replace("1.0.0", "1.0.1"),
    );
    deploy(&world, "site");
    assert_eq!(http.page("site.localhost", "/"), "<h1>Welcome back</h1>");
}

#[test]
fn any_command() {
    let world = World::new();
    world.write(
        "files/pack.toml",
        r#"format = 1
[pack]
id = "org.example.files"
name = "files"
version = "1.0.0"
app-version = "1"
[runtime]
kind = "command"
[processes.web]
command = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "${SILVER_TREE_DIR}/docs", "${PORT}"]
listen = "port"
[health]
ready = { path = "/", status = 200, timeout = "20s" }
"#,
    );
    world.write("files/docs/index.html", "served by a command");
    deploy(&world, "files");
    assert_eq!(world.http().page("files.localhost", "/"), "served by a command");
}

#[test]
fn nodejs_with_its_modules_in_the_pack() {
    let world = World::new();
    world.write(
        "red/pack.toml",
        r#"format = 1
[pack]
id = "org.example.red"
name = "red"
version = "1.0.0"
[runtime]
kind = "nodejs"
version = ">=14"
[processes.web]
command = ["node", "server.js", "--userDir", "${SILVER_INSTANCE_DIR}"]
[health]
ready = { path = "/", status = 200, body-contains = "flows", timeout = "20s" }
[layout]
root = "user"
[state.flows]
nature = "data"
"#,
    );
    world.write(
        "red/server.js",
        r#"const http = require("http"), fs = require("fs"), path = require("path");
const userDir = process.argv[process.argv.indexOf("--userDir") + 1];
const settings = require(path.join(userDir, "settings.js"));
const flows = path.join(userDir, "flows", "flows.json");
http.createServer((request, response) => {
  if (request.method === "POST") fs.writeFileSync(flows, JSON.stringify([request.url]));
  const saved = fs.existsSync(flows) ? fs.readFileSync(flows, "utf8") : "[]";
  response.end(require("greeting")(settings.title) + " flows=" + saved + " env=" + process.env.NODE_ENV);
}).listen(process.env.SILVER_SOCKET || process.env.PORT);
"#,
    );
    world.write("red/node_modules/greeting/package.json", r#"{"name": "greeting", "version": "1.0.0", "main": "index.js"}"#);
    world.write("red/node_modules/greeting/index.js", "module.exports = title => \"hello \" + title;\n");
    world.write("red/user/settings.js", "module.exports = { title: \"red\" };\n");
    deploy(&world, "red");
    let http = world.http();
    assert_eq!(http.page("red.localhost", "/"), "hello red flows=[] env=production");
    assert_eq!(http.post("red.localhost", "/first", "").unwrap().status, 200);
    assert_eq!(http.page("red.localhost", "/"), "hello red flows=[\"/first\"] env=production");
    let env = world.silver(["env", "red"]).ok().stdout();
    assert!(env.contains("NODE_ENV") && env.contains("runtime"), "{env}");

    // a Node.js that the machine does not have: refused before anything is changed
    let manifest = std::fs::read_to_string(world.work().join("red/pack.toml")).unwrap();
    world.write("red/pack.toml", &manifest.replace(">=14", ">=9000").replace("1.0.0", "2.0.0"));
    world.silver(["pack", "red", "-o", "app.zip"]).ok();
    let ran = world.silver(["update", "app.zip", "--yes"]).exits(1);
    assert!(ran.stderr().contains("the application needs Node.js >=9000"), "{}", ran.stderr());
    world.write("red/pack.toml", &manifest.replace("version = \">=14\"", "requires = { packages = [\"no-such-package\"] }"));
    world.silver(["pack", "red", "-o", "app.zip"]).ok();
    let ran = world.silver(["update", "app.zip", "--yes"]).exits(1);
    assert!(ran.stderr().contains("hint: install them: `apt-get install no-such-package`"), "{}", ran.stderr());
    assert_eq!(http.page("red.localhost", "/"), "hello red flows=[\"/first\"] env=production");
}

#[test]
fn python_asgi() {
    let world = World::new();
    world.write(
        "asgi/pack.toml",
        r#"format = 1
[pack]
id = "org.example.asgi"
name = "asgi"
version = "1.0.0"
app-version = "1"
[build]
python = { requirements = "requirements.lock", wheels = "wheels/" }
[runtime]
kind = "python"
version = ">=3.9"
[processes.web]
callable = "app:application"
[health]
ready = { path = "/", status = 200, body-contains = "asgi", timeout = "30s" }
"#,
    );
    world.write(
        "asgi/requirements.lock",
        "uvicorn==0.35.0 --hash=sha256:197535216b25ff9b785e29a0b79199f55222193d47f820816e7da751e9bc8d4a
h11==0.16.0 --hash=sha256:63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86
click==8.5.1 --hash=sha256:8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37
typing_extensions==4.16.0 --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8
",
    );
    world.write(
        "asgi/app.py",
        r#"async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"asgi " + scope["path"].encode()})
"#,
    );
    deploy(&world, "asgi");
    assert_eq!(world.http().page("asgi.localhost", "/hello"), "asgi /hello");
}
