"""The WSGI application: Trac, below the path that silver serves it at."""

import os

from trac.web.main import dispatch_request

BASE = os.environ.get("SILVER_BASE_PATH", "").rstrip("/")


def application(environ, start_response):
    path = environ.get("PATH_INFO", "")
    if BASE and (path == BASE or path.startswith(BASE + "/")):
        environ["SCRIPT_NAME"] = BASE
        environ["PATH_INFO"] = path[len(BASE):]
    return dispatch_request(environ, start_response)
