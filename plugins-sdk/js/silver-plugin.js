// What plugins of silver are written with in JavaScript.
//
// A customizer is exported by `plugin.js`:
//
//     export const customizer = makeCustomizer({
//       claims: [{ pattern: "notes/*.md", summary: "notes" }],
//       plan({ customization, work }) {
//         for (const { path } of matching(customization, "notes/*.md")) work.link(customization, path, `site/${path}`, "note");
//       },
//     });
//
// `plan` writes down what is to be done and found; `check` and `merge` are both made of it, so that they cannot differ.
// There is no clock, no randomness, no file and no network; what there is, is described in `sdk/wit`.

const PAGE = 4096;

/** Files and links of a tree that match one of the globs, in the order of their paths. */
export function* matching(tree, ...patterns) {
  for (let after; ; ) {
    const page = tree.glob(patterns, after, PAGE);
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1).path;
  }
}

/** What is to be done, and what there is to say about it. */
export class Work {
  findings = [];
  #edits = [];

  /** `dest` becomes what `path` is in the customization `tree`, in place of what may be there; no bytes are moved. */
  link(tree, path, dest, rule) {
    const why = { rule, inputs: [`customization:${path}`] };
    this.#edits.push((into) => into.link(tree, path, dest, "replace", why));
  }

  /** New text or bytes stand at `dest`. `inputs` are `role:path` strings: what decided it. */
  put(dest, content, rule, inputs = [], executable = false) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.#edits.push((into) => into.put(dest, bytes, executable, "replace", { rule, inputs }));
  }

  /** A finding that stops the merge; `path` is a file of the customization, lines begin with 1. */
  error(code, message, { path, line, help } = {}) {
    this.#find("error", code, message, path, line, help);
  }

  /** A finding that is shown. */
  warning(code, message, { path, line, help } = {}) {
    this.#find("warning", code, message, path, line, help);
  }

  #find(severity, code, message, path, line = 0, help) {
    const at = path && { tree: "customization", path, line, column: 0, endLine: 0, endColumn: 0 };
    this.findings.push({ severity, code, message, at, help });
  }

  /** Does it all, unless a finding is an error. */
  apply(into) {
    if (this.findings.some((finding) => finding.severity === "error")) return;
    for (const edit of this.#edits) edit(into);
  }
}

/** The interface `customizer` from `claims` and `plan({ app, customization, options, settings, work })`. */
export function makeCustomizer({ claims, plan }) {
  const planned = (app, customization, options) => {
    const work = new Work();
    plan({ app, customization, options, settings: new Map(options.settings), work });
    return work;
  };
  return {
    claims: told(() => claims),
    check: told((app, customization, options) => planned(app, customization, options).findings),
    merge: told((app, customization, into, options) => {
      const work = planned(app, customization, options);
      work.apply(into);
      return work.findings;
    }),
  };
}

/** What is thrown becomes the plugin's failure, with its stack: nothing else would show it. */
export function told(call) {
  return (...given) => {
    try {
      return call(...given);
    } catch (error) {
      // a failure that silver answered to a call of the plugin
      if (error?.payload?.tag) throw error.payload;
      if (error?.tag) throw error;
      throw { tag: "internal", val: `${error}\n${error?.stack ?? ""}`.trimEnd() };
    }
  };
}
