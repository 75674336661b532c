// silver writes this file; it makes a component of a plugin: build.mjs SOURCE WIT WORLD OUTPUT
import { componentize } from "@bytecodealliance/componentize-js";
import { writeFile } from "node:fs/promises";

const [sourcePath, witPath, worldName, output] = process.argv.slice(2);
const disableFeatures = ["random", "clocks", "http", "fetch-event"];
const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures });
await writeFile(output, component);
