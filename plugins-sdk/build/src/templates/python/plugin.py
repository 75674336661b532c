"""A customizer: what of a customization goes where in the application, and what is wrong with it."""

import silver_plugin
from silver_plugin import matching, setting

NOTES = "notes/*.md"
HEADER = "header.html"


class Customizer(silver_plugin.Customizer):
    CLAIMS = [
        (NOTES, "notes, each with a title in its first line"),
        (HEADER, "the header of every page; `@name@` stands for the site's name"),
    ]

    def plan(self, app, customization, options, work):
        index, inputs = "", []
        for entry in matching(customization, NOTES):
            first = customization.read_text(entry.path).partition("\n")[0]
            if not first.startswith("# "):
                help = "write `# TITLE` into its first line"
                work.error("note-without-title", f"`{entry.path}` has no title", entry.path, 1, help)
                continue
            index += f"{entry.path.rpartition('/')[2]}: {first[2:]}\n"
            inputs.append(f"customization:{entry.path}")
            work.link(customization, entry.path, f"site/{entry.path}", "note")
        if index:
            work.put("site/notes/index.txt", index, "list of notes", inputs)
        if customization.stat(HEADER):
            text = customization.read_text(HEADER)
            if "@name@" not in text:
                help = "write `@name@` where it belongs"
                work.warning("header-without-name", "the header does not show the site's name", HEADER, help=help)
            name = setting(options, "name", options.app_name)
            inputs = [f"customization:{HEADER}", "setting:name"]
            work.put("templates/header.html", text.replace("@name@", name), "header", inputs)
