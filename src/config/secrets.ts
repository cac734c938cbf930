// ${file:/path} and ${env:NAME} in a string of a config file stand for a secret. It is
// read once, when the file is, and is never printed.

import { readFile, stat } from "node:fs/promises";
import { codeOf } from "../system/errors.ts";
import { quote } from "../text/printable.ts";
import { cannotRead, typeOf } from "./file.ts";
import { PLACEHOLDER, placesIn } from "./placeholder.ts";
import type { Path } from "./problem.ts";

export interface Filled<T> {
  readonly value: T;
  /** What was filled in. */
  readonly secrets: readonly string[];
  readonly flaws: readonly SecretFlaw[];
}

export interface SecretFlaw {
  readonly path: Path;
  /** What is wrong there. */
  readonly said: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What to go on with where a secret is not there; undefined for nothing. */
export type StandIn = (source: "file" | "env", name: string) => string | undefined;

/** The files and the variables that what was written takes secrets from. */
export function placesOfSecrets(written: unknown): {
  readonly files: readonly string[];
  readonly variables: readonly string[];
} {
  const places = { file: new Set<string>(), env: new Set<string>() };
  for (const text of textsOf(written)) {
    const { files, variables } = placesIn(text);
    for (const file of files) places.file.add(file);
    for (const variable of variables) places.env.add(variable);
  }
  return { files: [...places.file], variables: [...places.env] };
}

function textsOf(node: unknown): readonly string[] {
  if (typeof node === "string") return [node];
  return typeof node === "object" && node !== null ? Object.values(node).flatMap(textsOf) : [];
}

const VARIABLE = /^[A-Za-z_]\w*$/;

const LARGEST_BYTES = 64 * 1024;

/** Keys and names stay as they are written, since both are shown; a name that holds a placeholder is a flaw. */
export async function fillSecrets<T>(written: T, env: Environment, standIn?: StandIn): Promise<Filled<T>> {
  const secrets = new Set<string>();
  const flaws: SecretFlaw[] = [];
  const files = new Map<string, Read>();

  const read = async (source: "file" | "env", name: string): Promise<Read> => {
    const found = source === "env" ? fromEnvironment(name, env) : (files.get(name) ?? (await fromFile(name)));
    if (source === "file") files.set(name, found);
    const other = "secret" in found ? undefined : standIn?.(source, name);
    return other === undefined ? found : { secret: other };
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
      if (isName(path)) {
        flaws.push({ path, ...expected(`a name without \${…}, since names are shown`, quote(text)) });
        return text;
      }
      const found = await read(source === "env" ? "env" : "file", name);
      if ("secret" in found) {
        secrets.add(found.secret);
        filled += found.secret;
      } else flaws.push({ path, ...found });
    }
    return filled + text.slice(position);
  };

  const fill = async (node: unknown, path: Path): Promise<unknown> => {
    if (typeof node === "string") return node.includes("${") ? fillText(node, path) : node;
    if (typeof node !== "object" || node === null || !mentions(node)) return node;
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
  return { value, secrets: [...secrets].filter((secret) => secret !== ""), flaws };
}

const isName = ([first, , key]: Path): boolean => first === "endpoints" || (first === "checks" && key === "name");

/** Most of a file holds no secret, and then is passed on as it is. */
function mentions(node: unknown): boolean {
  if (typeof node === "string") return node.includes("${");
  return typeof node === "object" && node !== null && Object.values(node).some(mentions);
}

type Read = { readonly secret: string } | Omit<SecretFlaw, "path">;

const expected = (what: string, got: string) => ({ said: `expected ${what}, got ${got}` });

function fromEnvironment(name: string, env: Environment): Read {
  if (!VARIABLE.test(name)) return expected(`the name of a variable in \${env:NAME}`, quote(name));
  const secret = Object.hasOwn(env, name) ? env[name] : undefined;
  return secret === undefined ? expected(`a variable ${name} in the environment`, "none") : { secret };
}

async function fromFile(path: string): Promise<Read> {
  if (!path.startsWith("/")) return expected(`a path that begins with a slash in \${file:/PATH}`, quote(path));
  const failed = (why: string) => ({ said: cannotRead(path, why) });
  try {
    const found = await stat(path);
    const type = typeOf(found);
    if (type !== undefined) return failed(`it is ${type}`);
    if (found.size > LARGEST_BYTES) return failed(`it has ${found.size} bytes, more than 64 KiB`);
    const bytes = await readFile(path);
    // Editors and `echo` end a file with a newline that is no part of the secret.
    return { secret: new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "") };
  } catch (error) {
    const code = codeOf(error);
    return failed(code.startsWith("ERR_ENCODING") ? "it has other bytes than UTF-8" : code);
  }
}
