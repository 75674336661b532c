// A customizer: what of a customization goes where in the application, and what is wrong with it.

import { makeCustomizer, matching } from "./sdk/silver-plugin.js";

const NOTES = "notes/*.md";
const HEADER = "header.html";

export const customizer = makeCustomizer({
  claims: [
    { pattern: NOTES, summary: "notes, each with a title in its first line" },
    { pattern: HEADER, summary: "the header of every page; `@name@` stands for the site's name" },
  ],

  plan({ customization, options, settings, work }) {
    let index = "";
    const inputs = [];
    for (const { path } of matching(customization, NOTES)) {
      const first = customization.readText(path).split("\n", 1)[0];
      if (!first.startsWith("# ")) {
        const help = "write `# TITLE` into its first line";
        work.error("note-without-title", `\`${path}\` has no title`, { path, line: 1, help });
        continue;
      }
      index += `${path.split("/").at(-1)}: ${first.slice(2)}\n`;
      inputs.push(`customization:${path}`);
      work.link(customization, path, `site/${path}`, "note");
    }
    if (index) work.put("site/notes/index.txt", index, "list of notes", inputs);
    if (customization.stat(HEADER)) {
      const text = customization.readText(HEADER);
      if (!text.includes("@name@")) {
        const help = "write `@name@` where it belongs";
        work.warning("header-without-name", "the header does not show the site's name", { path: HEADER, help });
      }
      const name = settings.get("name") ?? options.appName;
      work.put("templates/header.html", text.replaceAll("@name@", () => name), "header", [`customization:${HEADER}`, "setting:name"]);
    }
  },
});
