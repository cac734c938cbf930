// The keys of a config file in words, from the schema that validates: for the tables of the documents and for the man page.
// Backticks enclose code.

import { listInWords } from "../text/list.ts";
import { OPTION_NAMES } from "./options.ts";
import { jsonSchema } from "./schema.ts";

export interface DescribedKey {
  readonly key: string;
  readonly type: string;
  /** As a user would write it. */
  readonly default?: string;
  readonly meaning: string;
}

export interface DescribedKind {
  readonly name: string;
  /** When it passes, and which keys it needs besides its own: sentences. */
  readonly rule: string;
  readonly keys: readonly DescribedKey[];
}

export interface DescribedFile {
  readonly options: readonly DescribedKey[];
  /** The other keys at the top of the file. */
  readonly parts: readonly DescribedKey[];
  /** The keys that a check of any kind takes. */
  readonly common: readonly DescribedKey[];
  /** The names of the keys of `defaults`. */
  readonly defaults: readonly string[];
  readonly kinds: readonly DescribedKind[];
  readonly tls: readonly DescribedKey[];
}

/** As much of a JSON Schema as is described. */
interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

type Entry = readonly [key: string, schema: Schema];

export async function describeFile(): Promise<DescribedFile> {
  const { properties: top = {} } = (await jsonSchema()) as Schema;
  const kinds = top["checks"]?.items?.anyOf ?? [];
  const common = commonKeys(kinds);
  const isOption = ([key]: Entry) => OPTION_NAMES.some((name) => name === key);
  return {
    options: Object.entries(top).filter(isOption).map(describeKey),
    parts: Object.entries(top)
      .filter((entry) => !isOption(entry))
      .map(describeKey),
    common: common.map(describeKey),
    defaults: Object.keys(top["defaults"]?.properties ?? {}),
    kinds: kinds.map((kind) => describeKind(kind, new Set(common.map(([key]) => key)))),
    tls: Object.entries(tlsKeys(kinds)).map(describeKey),
  };
}

export const code = (text: string): string => `\`${text}\``;

function describeKind(
  { title = "", description = "", properties = {}, required = [] }: Schema,
  common: ReadonlySet<string>,
): DescribedKind {
  const own = Object.entries(properties).filter(([key]) => !common.has(key));
  const others = required.filter((key) => key !== title);
  const needs = others.length > 0 ? ` Needs ${listInWords(others.map(code))} too.` : "";
  return { name: title, rule: `${description}${needs}`, keys: own.map(describeKey) };
}

function describeKey([key, schema]: Entry): DescribedKey {
  const { description = "", default: fallback } = schema;
  // A description ends with its default: "…; default 5" or " Default: `5`."
  const [, meaning = description, written] = /^(.*?)(?:; default| Default:) (\S+?)\.?$/s.exec(description) ?? [];
  const shown = fallback === undefined ? written : typeof fallback === "string" ? fallback : JSON.stringify(fallback);
  return { key, type: typeOf(schema), ...(shown !== undefined && { default: shown.replaceAll("`", "") }), meaning };
}

/** What every kind has. */
function commonKeys(kinds: readonly Schema[]): readonly Entry[] {
  const [first, ...rest] = kinds;
  return Object.entries(first?.properties ?? {}).filter(
    ([key]) => key !== "tls" && rest.every(({ properties = {} }) => Object.hasOwn(properties, key)),
  );
}

function tlsKeys(kinds: readonly Schema[]): Readonly<Record<string, Schema>> {
  const branches = kinds.flatMap(({ properties = {} }) => properties["tls"]?.anyOf ?? []);
  return branches.find(({ properties }) => properties)?.properties ?? {};
}

/** Types that docs/configuration.md and the man page explain with examples. */
const EXPLAINED = ["address", "address to listen on", "command", "duration", "text", "text or `/regular expression/`"];

/** The type in a few words. */
function typeOf(schema: Schema): string {
  const { title, type, enum: values, pattern, minimum, maximum, examples = [], anyOf } = schema;
  const shown = listInWords(
    examples.map((example) => code(flow(example))),
    "or",
  );
  if (title) return shown === "" || EXPLAINED.includes(title) ? title : `${title}, such as ${shown}`;
  if (values) return listInWords(values.map(code), "or");
  if (anyOf) return typeOfUnion(anyOf);
  if (type === "array") return "list";
  if (type === "boolean") return "`true` or `false`";
  if (type === "object") return "mapping";
  if (type === "integer" && minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  // A number is accepted as a text everywhere, which the documents say once.
  return pattern === "^/" ? "path" : "text";
}

function typeOfUnion(types: readonly Schema[]): string {
  const [first, second] = types;
  // An option that may be given more than once.
  if (first?.items && second && typeOf(first.items) === typeOf(second)) return `${typeOf(second)}, or a list`;
  const names = types.flatMap((one) => (one.type === "boolean" ? ["`true`", "`false`"] : [typeOf(one)]));
  return listInWords([...new Set(names)], "or");
}

/** As one writes it in YAML. */
function flow(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value).replaceAll(",", ", ");
  return /\p{Cc}|: | #|^[[{*&!|>%@'"`]/u.test(value) ? JSON.stringify(value) : value;
}
