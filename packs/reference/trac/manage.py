"""What silver runs to take care of a Trac environment: manage.py init | migrate | check

`trac-admin initenv` wants an empty directory and makes everything in it by itself. Here the instance directory is there
already (files of the release, links to the data), so only the rest is done: the database, and what plugins want.
"""

import logging
import os
import sys

from trac import __version__ as TRAC
from trac.admin.api import AdminCommandManager
from trac.db.api import DatabaseManager
from trac.env import Environment
from trac.perm import PermissionSystem
from trac.web.chrome import Chrome


class Complaints(logging.Handler):
    """Collects what Trac says about plugins that do not load: its web pages would answer 200 all the same."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines = []

    def emit(self, record):
        line = record.getMessage()
        if line.startswith(('Skipping "', "Failed to load plugin")):
            self.lines.append(line)


class Site(Environment):
    """An environment whose complaints can be read, whatever its log is set to."""

    def setup_log(self):
        super().setup_log()
        self.complaints = Complaints()
        self.log.addHandler(self.complaints)
        self.log.disabled = False


def init(site):
    """A database with Trac's default data, unless there is one."""
    databases = DatabaseManager(site)
    if databases.db_exists():
        print("init: there is a database already")
        return
    databases.init_db()
    databases.insert_default_data()
    for participant in site.setup_participants:
        if not isinstance(participant, Chrome):  # it writes sample templates, and templates are part of the release
            participant.environment_created()
    administrator = os.environ.get("TRAC_ADMIN")
    if administrator:
        PermissionSystem(site).grant_permission(administrator, "TRAC_ADMIN")
    say_wiki_is_from(site, TRAC)
    print("init: made the database and Trac's own wiki pages")


def migrate(site):
    """Brings the database to what this Trac and its plugins want, and the help pages to this version of Trac."""
    if site.needs_upgrade():
        site.upgrade(backup=False)  # silver has taken a checkpoint
        print("migrate: upgraded the database")
    if wiki_is_from(site) != TRAC:
        # only then: it overwrites what people wrote into Trac's own pages
        AdminCommandManager(site).execute_command("wiki", "upgrade")
        say_wiki_is_from(site, TRAC)
    print("migrate: done")


def wiki_is_from(site):
    """The version of Trac that the help pages in the wiki are from."""
    for (version,) in site.db_query("SELECT value FROM system WHERE name = 'silver_wiki_version'"):
        return version


def say_wiki_is_from(site, version):
    with site.db_transaction as db:
        db("DELETE FROM system WHERE name = 'silver_wiki_version'")
        db("INSERT INTO system (name, value) VALUES ('silver_wiki_version', %s)", (version,))


def check(site):
    """Fails when a plugin does not load, and says Trac's own reason."""
    if site.complaints.lines:
        sys.exit("\n".join(site.complaints.lines))
    if site.needs_upgrade():
        sys.exit("the database is not what this Trac wants: trac-admin upgrade was not run, or left something undone")
    print("check: every plugin loads")


if __name__ == "__main__":
    {"init": init, "migrate": migrate, "check": check}[sys.argv[1]](Site(os.environ["TRAC_ENV"]))
