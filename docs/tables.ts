// Writes the tables of options, keys and metrics into the documents, between markers, from what
// the program reads: `bun docs/tables.ts`. With --check it writes nothing, and fails if a
// document has drifted.

import { join } from "node:path";
import { OPTION_NAMES } from "../src/config/options.ts";
import { jsonSchema } from "../src/config/schema.ts";
import { METRICS } from "../src/status/metrics/metrics.ts";

const ROOT = join(import.meta.dir, "..");

/** As much of a JSON Schema as a table shows. */
interface Described {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly anyOf?: readonly Described[];
  readonly items?: Described;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
}

/** The documents by name, each with its parts by the name in their markers. */
export async function renderDocuments(): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const { properties: top = {} } = (await jsonSchema()) as Described;
  const kinds = top["checks"]?.items?.anyOf ?? [];
  const common = commonKeys(kinds);
  return {
    "docs/configuration.md": {
      options: keyTable(Object.entries(top).filter(([key]) => OPTION_NAMES.some((name) => name === key))),
      parts: keyTable(Object.entries(top).filter(([key]) => !OPTION_NAMES.some((name) => name === key))),
      common: keyTable(common),
      defaults: `\`defaults\` takes ${list(Object.keys(top["defaults"]?.properties ?? {}).map(code))}.`,
    },
    "docs/checks.md": {
      ...Object.fromEntries(
        kinds.map((kind) => [kind.title ?? "", kindSection(kind, new Set(common.map(([key]) => key)))]),
      ),
      "keys of tls": keyTable(Object.entries(tlsKeys(kinds))),
    },
    "docs/metrics.md": {
      metrics: table(
        ["metric", "type", "labels", "meaning"],
        METRICS.map(({ name, type, labels, help }) => [code(name), type, list(labels.map(code)), help]),
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

function kindSection({ title = "", description = "", properties = {}, required = [] }: Described, common: Set<string>) {
  const own = Object.entries(properties).filter(([key]) => !common.has(key));
  const others = required.filter((key) => key !== title);
  const needs = others.length > 0 ? ` Needs ${list(others.map(code))} too.` : "";
  return `${description}${needs}\n\n${keyTable(own)}`;
}

function keyTable(entries: readonly (readonly [string, Described])[]): string {
  const rows = entries.map(([key, described]) => {
    const { description = "", default: fallback } = described;
    // A description ends with its default: "…; default 5" or " Default: `5`."
    const [, said = description, written] = /^(.*?)(?:; default| Default:) (\S+?)\.?$/s.exec(description) ?? [];
    const shown = fallback === undefined ? written : typeof fallback === "string" ? fallback : JSON.stringify(fallback);
    return [code(key), typeOf(described), shown === undefined ? "" : code(shown.replaceAll("`", "")), said];
  });
  return table(["key", "type", "default", "meaning"], rows);
}

/** What every kind has. */
function commonKeys(kinds: readonly Described[]): readonly (readonly [string, Described])[] {
  const [first, ...rest] = kinds;
  return Object.entries(first?.properties ?? {}).filter(
    ([key]) => key !== "tls" && rest.every(({ properties = {} }) => Object.hasOwn(properties, key)),
  );
}

function tlsKeys(kinds: readonly Described[]): Readonly<Record<string, Described>> {
  const branches = kinds.flatMap(({ properties = {} }) => properties["tls"]?.anyOf ?? []);
  return branches.find(({ properties }) => properties)?.properties ?? {};
}

/** Types that docs/configuration.md explains with examples. */
const EXPLAINED = ["address", "address to listen on", "command", "duration", "text", "text or `/regular expression/`"];

/** The type in a few words. */
function typeOf(described: Described): string {
  const { title, type, enum: values, pattern, minimum, maximum, examples = [], anyOf } = described;
  const shown = list(
    examples.map((example) => code(flow(example))),
    "or",
  );
  if (title) return shown === "" || EXPLAINED.includes(title) ? title : `${title}, such as ${shown}`;
  if (values) return list(values.map(code), "or");
  if (anyOf) return typeOfUnion(anyOf);
  if (type === "array") return "list";
  if (type === "boolean") return "`true` or `false`";
  if (type === "object") return "mapping";
  if (type === "integer" && minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  // A number is accepted as a text everywhere, which the document says once.
  return pattern === "^/" ? "path" : "text";
}

function typeOfUnion(types: readonly Described[]): string {
  const [first, second] = types;
  // An option that may be given more than once.
  if (first?.items && second && typeOf(first.items) === typeOf(second)) return `${typeOf(second)}, or a list`;
  const names = types.flatMap((one) => (one.type === "boolean" ? ["`true`", "`false`"] : [typeOf(one)]));
  return list([...new Set(names)], "or");
}

/** As one writes it in YAML. */
function flow(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value).replaceAll(",", ", ");
  return /\p{Cc}|: | #|^[[{*&!|>%@'"`]/u.test(value) ? JSON.stringify(value) : value;
}

const code = (text: string): string => `\`${text}\``;

const list = (items: readonly string[], word = "and"): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${word} ${items.at(-1)}`;

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
