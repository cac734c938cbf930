// Fills in the secrets of a config file: ${file:/path} and ${env:NAME} in its strings. A secret is read once,
// when the file is read, and is never printed.

import { readFile, stat } from "node:fs/promises";
import { codeOf } from "../system/errors.ts";
import { quote } from "../text/printable.ts";
import { cannotRead, typeOf } from "./file.ts";
import { PLACEHOLDER, sourcesIn } from "./placeholder.ts";
import type { Path } from "./problem.ts";

export interface Filled<T> {
  readonly value: T;
  /** The values that were filled in. */
  readonly secrets: readonly string[];
  readonly problems: readonly SecretProblem[];
}

export interface SecretProblem {
  readonly path: Path;
  /** A whole sentence. */
  readonly text: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The value to use for a secret that cannot be read; undefined if there is none. */
export type SecretFallback = (source: "file" | "env", name: string) => string | undefined;

/** The files and variables that the values of a config file take secrets from. */
export function secretSourcesIn(written: unknown): {
  readonly files: readonly string[];
  readonly variables: readonly string[];
} {
  const sources = { file: new Set<string>(), env: new Set<string>() };
  for (const text of textsOf(written)) {
    const { files, variables } = sourcesIn(text);
    for (const file of files) sources.file.add(file);
    for (const variable of variables) sources.env.add(variable);
  }
  return { files: [...sources.file], variables: [...sources.env] };
}

function textsOf(node: unknown): readonly string[] {
  if (typeof node === "string") return [node];
  return typeof node === "object" && node !== null ? Object.values(node).flatMap(textsOf) : [];
}

const VARIABLE = /^[A-Za-z_]\w*$/;

const LARGEST_BYTES = 64 * 1024;

/** Keys stay as written, since they are shown. Names are shown too, so a placeholder in a name is a problem. */
export async function fillSecrets<T>(written: T, env: Environment, fallback?: SecretFallback): Promise<Filled<T>> {
  const secrets = new Set<string>();
  const problems: SecretProblem[] = [];
  const files = new Map<string, SecretRead>();

  const read = async (source: "file" | "env", name: string): Promise<SecretRead> => {
    const found = source === "env" ? fromEnvironment(name, env) : (files.get(name) ?? (await fromFile(name)));
    if (source === "file") files.set(name, found);
    const instead = "secret" in found ? undefined : fallback?.(source, name);
    return instead === undefined ? found : { secret: instead };
  };

  const fillText = async (text: string, path: Path): Promise<string> => {
    let filled = "";
    let position = 0;
    for (const placeholder of text.matchAll(PLACEHOLDER)) {
      const [whole, source, name = ""] = placeholder;
      filled += text.slice(position, placeholder.index);
      position = placeholder.index + whole.length;
      if (source === undefined) {
        filled += "${";
        continue;
      }
      if (isOfName(path)) {
        problems.push({ path, ...expected(`a name without \${…}, because names are not redacted`, quote(text)) });
        return text;
      }
      const found = await read(source === "env" ? "env" : "file", name);
      if ("secret" in found) {
        secrets.add(found.secret);
        filled += found.secret;
      } else problems.push({ path, ...found });
    }
    return filled + text.slice(position);
  };

  const fill = async (node: unknown, path: Path): Promise<unknown> => {
    if (typeof node === "string") return node.includes("${") ? fillText(node, path) : node;
    if (typeof node !== "object" || node === null || !hasPlaceholder(node)) return node;
    if (Array.isArray(node)) {
      const items: unknown[] = [];
      for (const [index, item] of node.entries()) items.push(await fill(item, [...path, index]));
      return items;
    }
    const entries: [string, unknown][] = [];
    for (const [key, item] of Object.entries(node)) entries.push([key, await fill(item, [...path, key])]);
    return Object.fromEntries(entries);
  };

  const value = (await fill(written, [])) as T;
  return { value, secrets: [...secrets].filter((secret) => secret !== ""), problems };
}

const isOfName = ([first, , key]: Path): boolean => first === "endpoints" || (first === "checks" && key === "name");

/** Most values hold no placeholder, and are passed on as they are. */
function hasPlaceholder(node: unknown): boolean {
  if (typeof node === "string") return node.includes("${");
  return typeof node === "object" && node !== null && Object.values(node).some(hasPlaceholder);
}

type SecretRead = { readonly secret: string } | Omit<SecretProblem, "path">;

const expected = (what: string, got: string) => ({ text: `expected ${what}, got ${got}` });

function fromEnvironment(name: string, env: Environment): SecretRead {
  if (!VARIABLE.test(name)) return expected(`a variable name in \${env:NAME}`, quote(name));
  const secret = Object.hasOwn(env, name) ? env[name] : undefined;
  return secret === undefined ? { text: `environment variable ${name} is not set` } : { secret };
}

async function fromFile(path: string): Promise<SecretRead> {
  if (!path.startsWith("/")) return expected(`a path that begins with a slash in \${file:/PATH}`, quote(path));
  return readSecretFile(path);
}

/** The content of a file without the newline at its end, or why it cannot be used. */
export async function readSecretFile(path: string): Promise<SecretRead> {
  const failed = (why: string) => ({ text: cannotRead(path, why) });
  try {
    const found = await stat(path);
    const type = typeOf(found);
    if (type !== undefined) return failed(`it is ${type}`);
    if (found.size > LARGEST_BYTES) return failed(`it has ${found.size} bytes, more than 64 KiB`);
    const bytes = await readFile(path);
    // Editors and `echo` end a file with a newline that is not part of the secret.
    return { secret: new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "") };
  } catch (error) {
    const code = codeOf(error);
    return failed(code.startsWith("ERR_ENCODING") ? "it is not UTF-8 text" : code);
  }
}
