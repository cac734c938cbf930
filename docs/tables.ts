// Writes the tables of options, keys and metrics into the documents, between markers, from what
// the program reads: `bun docs/tables.ts`. With --check it writes nothing, and fails if a
// document has drifted.

import { join } from "node:path";
import { code, type DescribedKey, describeFile } from "../src/config/describe-keys.ts";
import { METRICS } from "../src/status/metrics/metrics.ts";
import { listInWords } from "../src/text/list.ts";

const ROOT = join(import.meta.dir, "..");

/** The documents by name, each with its parts by the name in their markers. */
export async function renderDocuments(): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const { options, parts, common, defaults, kinds, tls } = await describeFile();
  return {
    "docs/configuration.md": {
      options: keyTable(options),
      parts: keyTable(parts),
      common: keyTable(common),
      defaults: `\`defaults\` takes ${listInWords(defaults.map(code))}.`,
    },
    "docs/checks.md": {
      ...Object.fromEntries(kinds.map(({ name, rule, keys }) => [name, `${rule}\n\n${keyTable(keys)}`])),
      "keys of tls": keyTable(tls),
    },
    "docs/metrics.md": {
      metrics: table(
        ["metric", "type", "labels", "meaning"],
        METRICS.map(({ name, type, labels, help }) => [code(name), type, listInWords(labels.map(code)), help]),
      ),
    },
  };
}

/** `file` with its parts replaced; throws where a marker is missing. */
export function fillMarkers(file: string, text: string, parts: Readonly<Record<string, string>>): string {
  let filled = text;
  for (const [name, content] of Object.entries(parts)) {
    const [begin, end] = [`<!-- ${name}: written by docs/tables.ts -->`, `<!-- /${name} -->`];
    const from = filled.indexOf(begin);
    const to = filled.indexOf(end);
    if (from < 0 || to < from) throw new Error(`${file}: expected the lines ${begin} and ${end}, got none`);
    filled = `${filled.slice(0, from + begin.length)}\n\n${content}\n\n${filled.slice(to)}`;
  }
  return filled;
}

function keyTable(keys: readonly DescribedKey[]): string {
  const rows = keys.map(({ key, type, default: fallback, meaning }) => [
    code(key),
    type,
    fallback === undefined ? "" : code(fallback),
    meaning,
  ]);
  return table(["key", "type", "default", "meaning"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `|${cells.map((cell) => (cell === "" ? " " : ` ${cell.replaceAll("|", "\\|").replaceAll("\n", " ")} `)).join("|")}|`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  let drifted = false;
  for (const [name, parts] of Object.entries(await renderDocuments())) {
    const file = join(ROOT, name);
    const text = await Bun.file(file).text();
    const filled = fillMarkers(name, text, parts);
    if (filled === text) continue;
    if (process.argv.includes("--check")) {
      console.error(`${name}: its tables have drifted from the schema; bun docs/tables.ts writes them`);
      drifted = true;
    } else await Bun.write(file, filled);
  }
  process.exit(drifted ? 1 : 0);
}
