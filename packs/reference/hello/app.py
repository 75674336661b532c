"""A counter in SQLite. Python's standard library only; see README.md.

    app.py init | migrate | serve | self-test

Everything it is told comes from its environment (SILVER_…) and the files of its instance directory.
"""

import base64
import configparser
import hashlib
import http.server
import json
import os
import pathlib
import signal
import socket
import socketserver
import sqlite3
import string
import sys
import threading
import time
import urllib.parse

TREE = pathlib.Path(__file__).resolve().parent
INSTANCE = pathlib.Path(os.environ["SILVER_INSTANCE_DIR"])
EDITION = json.loads((TREE / "edition.json").read_text())
SCHEMA = EDITION["schema"]
FAULTS = set(EDITION["faults"])
PHASE = os.environ.get("SILVER_PHASE", "serve")


def log(text):
    """Writes to the log file of the instance and to standard error."""
    line = f"{os.environ.get('SILVER_RELEASE', '?')} {PHASE} {os.getpid()}: {text}"
    with open(INSTANCE / "log" / "hello.log", "a") as file:
        print(line, file=file)
    print(line, file=sys.stderr, flush=True)


def hold():
    """Says that it waits, and waits until it is let go on or told to fail: for tests of what happens in the middle."""
    go = INSTANCE / "db" / "go"
    (INSTANCE / "db" / "held").touch()
    while not go.exists():
        time.sleep(0.02)
    if go.read_text():
        sys.exit("hold: told to fail")


# --- the database -------------------------------------------------------------------------------


def connect():
    """A connection of its own for each use: the application runs in threads."""
    db = sqlite3.connect(INSTANCE / "db" / "hello.db", timeout=20, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    return db


def schema_of(db):
    return db.execute("PRAGMA user_version").fetchone()[0]


def set_schema(db, schema):
    db.execute(f"PRAGMA user_version = {schema:d}")


def demand_schema(db):
    """This edition understands its own decade of schemas, and no other."""
    found = schema_of(db)
    if found // 10 != SCHEMA // 10:
        raise RuntimeError(f"the database has schema {found}, this edition understands {SCHEMA // 10}x")


def counter(schema):
    """Table and column of the counter: the breaking migration renames both."""
    return ("counter", "value") if schema < 20 else ("tally", "total")


def read_count(db):
    table, column = counter(SCHEMA)
    return db.execute(f"SELECT {column} FROM {table}").fetchone()[0]


def count_one_more():
    """The new value, after it is committed."""
    table, column = counter(SCHEMA)
    db = connect()
    try:
        db.execute("BEGIN IMMEDIATE")
        demand_schema(db)
        db.execute(f"UPDATE {table} SET {column} = {column} + 1")
        value = read_count(db)
        db.execute("COMMIT")
        return value
    finally:
        db.close()


# --- the hooks ----------------------------------------------------------------------------------


def init():
    if "init" in FAULTS:
        sys.exit("init: this edition cannot be initialised")
    (INSTANCE / "db").mkdir(exist_ok=True)
    db = connect()
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    if schema_of(db) == 0:
        table, column = counter(SCHEMA)
        db.execute(f"CREATE TABLE {table} ({column} INTEGER NOT NULL)")
        db.execute(f"INSERT INTO {table} VALUES (0)")
        set_schema(db, SCHEMA)
    db.execute("COMMIT")
    db.close()
    print(f"init: the counter is there, schema {SCHEMA}")


def migrate():
    db = connect()
    found = schema_of(db)
    if found // 10 > SCHEMA // 10:
        sys.exit(f"migrate: the database has schema {found}, newer than {SCHEMA}; there is no way back")
    db.execute("BEGIN IMMEDIATE")
    if found < 11 <= SCHEMA:
        db.execute("CREATE TABLE visits (at REAL NOT NULL)")
    if found < 20 <= SCHEMA:
        db.execute("ALTER TABLE counter RENAME TO tally")
        db.execute("ALTER TABLE tally RENAME COLUMN value TO total")
    set_schema(db, max(found, SCHEMA))
    db.execute("COMMIT")
    if "migrate" in FAULTS:
        # after the commit, so that only a restored checkpoint can help
        db.execute(f"UPDATE {counter(SCHEMA)[0]} SET {counter(SCHEMA)[1]} = -1")
        sys.exit("migrate: this edition fails half way")
    db.close()
    if "hold-migrate" in FAULTS:
        hold()
    print(f"migrate: schema {found} -> {max(found, SCHEMA)}")


def self_test():
    db = connect()
    demand_schema(db)
    read_count(db)
    if "self-test" in FAULTS:
        sys.exit("self-test: this edition says no")
    print("self-test: fine")


# --- the web ------------------------------------------------------------------------------------


def settings():
    """What silver bound: from the environment, the rendered file and the file with an owned key."""
    rendered = configparser.ConfigParser(interpolation=None)
    rendered.read(INSTANCE / "conf" / "hello.ini")
    site = configparser.ConfigParser(interpolation=None)
    site.read(INSTANCE / "conf" / "site.ini")
    return {
        "greeting": os.environ.get("HELLO_GREETING", ""),
        "url": rendered.get("hello", "url", fallback=""),
        "color": rendered.get("hello", "color", fallback=""),
        "token-sha256": hashlib.sha256(rendered.get("hello", "token", fallback="").encode()).hexdigest(),
        "title": site.get("site", "title", fallback=""),
        "motto": site.get("site", "motto", fallback=""),
    }


def eat():
    """All the memory there is."""
    eaten = []
    while True:
        eaten.append(bytearray(8 << 20))


def leave_a_child():
    """A process in a session of its own, which does not hear SIGTERM and lives longer than its parent."""
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1000)


class Health:
    """The health page of each edition: `healthy`, or an error."""

    asked = 0
    lock = threading.Lock()

    @classmethod
    def page(cls):
        with cls.lock:
            cls.asked += 1
            asked = cls.asked
        if "check" in FAULTS:
            return 200, "error: the template engine is not there"  # with status 200: only the body tells
        if "after-switch" in FAULTS and PHASE == "serve" and asked > 1:
            return 500, "error: it was fine a moment ago"
        if "hold-switch" in FAULTS and PHASE == "serve" and asked > 1:
            hold()
        db = connect()
        try:
            demand_schema(db)
            read_count(db)
        finally:
            db.close()
        return 200, "healthy"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def answer(self, status, body, kind="text/plain; charset=utf-8"):
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def route(self):
        with self.server.busy:
            self.server.in_flight += 1
        try:
            self.respond()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            log(f"{self.command} {self.path}: {error!r}")
            self.answer(500, f"error: {error}")
        finally:
            with self.server.busy:
                self.server.in_flight -= 1
                self.server.busy.notify_all()

    do_GET = do_HEAD = do_POST = do_PUT = route

    def respond(self):
        url = urllib.parse.urlsplit(self.path)
        path = url.path.removeprefix(os.environ.get("SILVER_BASE_PATH", "").rstrip("/"))
        query = dict(urllib.parse.parse_qsl(url.query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/eat" and "eats" in FAULTS:
            return eat()
        if path == "/count" and self.command == "POST":
            return self.answer(200, str(count_one_more()))
        if path == "/count":
            db = connect()
            try:
                demand_schema(db)
                return self.answer(200, str(read_count(db)))
            finally:
                db.close()
        if path == "/health":
            return self.answer(*Health.page())
        if path == "/who":
            facts = {
                "version": EDITION["version"],
                "release": os.environ.get("SILVER_RELEASE", ""),
                "phase": PHASE,
                "pid": os.getpid(),
                "host": self.headers.get("Host", ""),
                "environment": sorted(os.environ),
                "settings": settings(),
            }
            return self.answer(200, json.dumps(facts), "application/json")
        if path == "/echo":
            return self.answer(200, body, "application/octet-stream")
        if path == "/slow":
            return self.in_pieces(float(query.get("seconds", "1")))
        if path == "/ws":
            return self.web_socket()
        if path.startswith("/notes/"):
            note = INSTANCE / "notes" / pathlib.PurePosixPath(path).name
            return self.answer(200, note.read_bytes()) if note.is_file() else self.answer(404, "no such note")
        if path in ("", "/"):
            return self.page()
        return self.answer(404, "not here")

    def page(self):
        db = connect()
        try:
            demand_schema(db)
            count = read_count(db)
        finally:
            db.close()
        template = string.Template((INSTANCE / "templates" / "index.html").read_text())
        facts = {**settings(), "count": count, "version": EDITION["version"], "release": os.environ.get("SILVER_RELEASE", "")}
        page = template.safe_substitute({name.replace("-", "_"): value for name, value in facts.items()})
        self.answer(200, page, "text/html; charset=utf-8")

    def in_pieces(self, seconds):
        """Ten pieces, each sent as soon as it is there (chunked)."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in range(10):
            time.sleep(seconds / 10)
            text = f"{piece}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def web_socket(self):
        """RFC 6455, as little of it as an echo needs: short text and close frames."""
        key = self.headers.get("Sec-WebSocket-Key")
        if key is None:
            return self.answer(400, "a WebSocket lives here")
        accept = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            length = head[1] & 0x7F
            if length > 125:
                return
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(length)))
            self.wfile.write(bytes([head[0], length]) + data)
            if head[0] & 0x0F == 8:
                return

    def address_string(self):
        return "front"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self):
        self.busy = threading.Condition()
        self.in_flight = 0
        path = os.environ.get("SILVER_SOCKET")
        if path:
            self.address_family = socket.AF_UNIX
            pathlib.Path(path).unlink(missing_ok=True)
        super().__init__(path or ("127.0.0.1", int(os.environ["PORT"])), Handler)

    def get_request(self):
        request, _ = super().get_request()
        return request, ("front", 0)

    def drain(self, seconds):
        """Waits until nobody is being answered any more."""
        with self.busy:
            self.busy.wait_for(lambda: self.in_flight == 0, seconds)


def serve():
    if "crash" in FAULTS and PHASE == "serve":
        sys.exit("serve: this edition dies at once, but only when it is to serve")
    if "log" in FAULTS:
        log('Skipping "hello.extension": it does not load')
    if "own-file" in FAULTS:
        own = TREE / "instance" / "templates" / "index.html"
        own.chmod(0o644)
        with open(own, "a") as file:
            file.write("<!-- written by the application -->\n")
    if "forks" in FAULTS:
        leave_a_child()
    server = Server()
    stopping = threading.Event()

    def stop(*_):
        if "stop" in FAULTS:
            log("SIGTERM? never heard of it")
        else:
            stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    log(f"serving, version {EDITION['version']}")
    stopping.wait()
    server.shutdown()
    server.drain(30)
    log("stopped")


if __name__ == "__main__":
    {"init": init, "migrate": migrate, "serve": serve, "self-test": self_test}[sys.argv[1]]()
