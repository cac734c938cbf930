// Writes what the documents say of options and keys, between markers, from the schema
// that validates: `bun docs/tables.ts`. With --check it writes nothing, and fails where a
// document has drifted.

import { join } from "node:path";
import { OPTION_NAMES, optionDef } from "../src/config/options.ts";
import { jsonSchema } from "../src/config/schema.ts";

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
    "README.md": { options: optionTable() },
    "docs/configuration.md": {
      options: keyTable(Object.entries(top).filter(([key]) => OPTION_NAMES.some((name) => name === key))),
      parts: keyTable(Object.entries(top).filter(([key]) => !OPTION_NAMES.some((name) => name === key))),
      common: keyTable(common),
      defaults: `\`defaults\` takes ${list(Object.keys(top["defaults"]?.properties ?? {}).map(code))}.`,
      kinds: kinds.map((kind) => kindSection(kind, new Set(common.map(([key]) => key)))).join("\n\n"),
      tls: keyTable(Object.entries(tlsKeys(kinds))),
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

function optionTable(): string {
  const rows = OPTION_NAMES.map((name) => {
    const { short, value, help, repeatable, default: fallback } = optionDef(name);
    const option = [code(`--${name}${value ? ` ${value}` : ""}`), ...(short ? [code(`-${short}`)] : [])].join(", ");
    const off = value === undefined && short === undefined ? "off" : "";
    return [option, repeatable ? `${help}; repeatable` : help, fallback === undefined ? off : code(fallback)];
  });
  return table(["option", "meaning", "default"], rows);
}

function kindSection({ title = "", description = "", properties = {}, required = [] }: Described, common: Set<string>) {
  const own = Object.entries(properties).filter(([key]) => !common.has(key));
  const others = required.filter((key) => key !== title);
  const needs = others.length > 0 ? ` Needs ${list(others.map(code))} too.` : "";
  return `### ${title}\n\n${description}${needs} [More](checks.md#${title})\n\n${keyTable(own)}`;
}

function keyTable(entries: readonly (readonly [string, Described])[]): string {
  const rows = entries.map(([key, described]) => {
    const { description = "", default: fallback } = described;
    // A description ends with its default: "…; default 5" or " Default: `5`."
    const [, said = description, written] = /^(.*?)(?:; default| Default:) (\S+?)\.?$/s.exec(description) ?? [];
    const shown = fallback === undefined ? written : typeof fallback === "string" ? fallback : JSON.stringify(fallback);
    return [code(key), takesOf(described), shown === undefined ? "" : code(shown.replaceAll("`", "")), said];
  });
  return table(["key", "takes", "default", "what it is"], rows);
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

/** The name of the type, or the values in a few words. */
function takesOf({ title, type, enum: values, pattern, minimum, maximum, examples, anyOf }: Described): string {
  const shown = examples?.map((example) => code(flow(example))).join(", ");
  if (title) return shown === undefined ? title : `${title} such as ${shown}`;
  if (shown !== undefined) return shown;
  if (values) return values.map(code).join(", ");
  if (anyOf) {
    const [first, second] = anyOf;
    const one = second && takesOf(second);
    if (one && first?.items && takesOf(first.items) === one) return `${one}, or a list`;
    return [...new Set(anyOf.map(takesOf))].join("; or ");
  }
  if (type === "array") return "list";
  if (type === "boolean") return "`true` or `false`";
  if (type === "object") return "mapping";
  if (type === "integer" && minimum !== undefined && maximum !== undefined)
    return `number from ${minimum} to ${maximum}`;
  // Where a text is wanted a number will do, which the document says of all.
  return pattern === "^/" ? "path" : "text";
}

/** As one writes it in YAML. */
function flow(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value).replaceAll(",", ", ");
  return /\p{Cc}|: | #|^[[{*&!|>%@'"`]/u.test(value) ? JSON.stringify(value) : value;
}

const code = (text: string): string => `\`${text}\``;

const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

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
