"""The WSGI application: Trac, below the path that silver serves it at."""

import os

os.environ.setdefault("TRAC_ENV", os.environ["SILVER_INSTANCE_DIR"])

from trac.web.main import dispatch_request  # noqa: E402 (Trac reads the environment when imported)

BASE = os.environ.get("SILVER_BASE_PATH", "").rstrip("/")


def application(environ, start_response):
    path = environ.get("PATH_INFO", "")
    if BASE and (path == BASE or path.startswith(BASE + "/")):
        environ["SCRIPT_NAME"] = BASE
        environ["PATH_INFO"] = path[len(BASE):]
    return dispatch_request(environ, start_response)
