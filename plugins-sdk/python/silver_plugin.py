"""What plugins of silver are written with in Python.

A customizer is a class `Customizer` in `plugin.py`:

    class Customizer(silver_plugin.Customizer):
        CLAIMS = [("notes/*.md", "notes")]

        def plan(self, app, customization, options, work):
            for entry in matching(customization, "notes/*.md"):
                work.link(customization, entry.path, f"site/{entry.path}", "note")

`plan` writes down what is to be done and found; `check` and `merge` are both made of it, so that they cannot differ.
There is no clock, no randomness, no file and no network: what asks for them (`time.time`, `random`, `open`, also
`traceback.format_exc`, which reads sources) ends the call. What there is, is described in `sdk/wit`.
"""

from dataclasses import dataclass

from componentize_py_types import Err
from wit_world.exports.customizer import Claim
from wit_world.imports import trees, types

PAGE = 4096


def matching(tree, *patterns):
    """Files and links of a tree that match one of the globs, in the order of their paths."""
    after = None
    while page := tree.glob(list(patterns), after, PAGE):
        yield from page
        after = page[-1].path


def setting(options, name, default=None):
    """The text of a setting."""
    return dict(options.settings).get(name, default)


@dataclass
class _Edit:
    dest: str
    rule: str
    inputs: list
    source: object = None
    path: str = ""
    content: bytes = b""
    executable: bool = False


class Work:
    """What is to be done, and what there is to say about it."""

    def __init__(self):
        self.findings = []
        self._edits = []

    def link(self, tree, path, dest, rule):
        """`dest` becomes what `path` is in the customization `tree`, in place of what may be there; no bytes are moved."""
        self._edits.append(_Edit(str(dest), rule, [f"customization:{path}"], source=tree, path=str(path)))

    def put(self, dest, content, rule, inputs=(), executable=False):
        """New text or bytes stand at `dest`. `inputs` are `role:path` strings: what decided it."""
        content = content.encode() if isinstance(content, str) else bytes(content)
        self._edits.append(_Edit(str(dest), rule, list(inputs), content=content, executable=executable))

    def error(self, code, message, path=None, line=0, help=None):
        """A finding that stops the merge; `path` is a file of the customization, lines begin with 1."""
        self._find(types.Severity.ERROR, code, message, path, line, help)

    def warning(self, code, message, path=None, line=0, help=None):
        """A finding that is shown."""
        self._find(types.Severity.WARNING, code, message, path, line, help)

    def _find(self, severity, code, message, path, line, help):
        at = types.Location(types.TreeRole.CUSTOMIZATION, path, line, 0, 0, 0) if path else None
        self.findings.append(types.Diagnostic(severity, code, message, at, help))

    def apply(self, into):
        """Does it all, unless a finding is an error."""
        if any(finding.severity == types.Severity.ERROR for finding in self.findings):
            return
        for edit in self._edits:
            why = trees.Reason(edit.rule, edit.inputs)
            if edit.source is not None:
                into.link(edit.source, edit.path, edit.dest, trees.Collision.REPLACE, why)
            else:
                into.put(edit.dest, edit.content, edit.executable, trees.Collision.REPLACE, why)


def _told(error):
    """The error and where it happened; the standard library would look into the sources, which are not there."""
    lines, at = [f"{type(error).__name__}: {error}"], error.__traceback__
    while at:
        code = at.tb_frame.f_code
        # `/1/silver_plugin.py`: the number is that of a directory when it was built
        name = code.co_filename.lstrip("0123456789/")
        lines.append(f"{code.co_name}@{name}:{at.tb_lineno}")
        at = at.tb_next
    return "\n".join(lines)


def told(function):
    """An exception becomes the plugin's failure, with the place where it happened: nothing else would show it."""

    def wrapped(*arguments):
        try:
            return function(*arguments)
        except Err:
            raise
        except Exception as error:
            raise Err(types.Failure_Internal(_told(error))) from error

    return wrapped


class Customizer:
    """Base of a plugin's `Customizer`: give `CLAIMS` and `plan`."""

    CLAIMS = []

    def plan(self, app, customization, options, work):
        raise NotImplementedError

    @told
    def claims(self, options):
        return [Claim(pattern, summary) for pattern, summary in self.CLAIMS]

    @told
    def check(self, app, customization, options):
        return self._planned(app, customization, options).findings

    @told
    def merge(self, app, customization, into, options):
        work = self._planned(app, customization, options)
        work.apply(into)
        return work.findings

    def _planned(self, app, customization, options):
        work = Work()
        self.plan(app, customization, options, work)
        return work
