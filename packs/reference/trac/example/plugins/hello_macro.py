"""A plugin in a single file: the wiki macro [[Hello(name)]]."""

from trac.util.html import tag
from trac.wiki.macros import WikiMacroBase


class HelloMacro(WikiMacroBase):
    """Greets somebody: `[[Hello(world)]]`."""

    def expand_macro(self, formatter, name, content, args=None):
        return tag.strong("Hello, ", content or "world", "!")
