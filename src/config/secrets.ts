// ${file:/path} and ${env:NAME} in a string of a config file stand for a secret. It is
// read once, when the file is, and is never printed.

import { readFile, stat } from "node:fs/promises";
import type { Path } from "./problem.ts";

export interface Filled {
  readonly value: unknown;
  /** What was filled in. */
  readonly secrets: readonly string[];
  readonly flaws: readonly SecretFlaw[];
}

export interface SecretFlaw {
  readonly path: Path;
  readonly expected: string;
  readonly got: string;
}

/** $${ is a plain ${. What a shell writes as ${env:-x} is none of ours. */
const PLACEHOLDER = /\$\$\{|\$\{(file|env):(?![-=?+])([^}]*)\}/g;

const LARGEST_BYTES = 64 * 1024;

export async function fillSecrets(
  written: unknown,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Filled> {
  const secrets: string[] = [];
  const flaws: SecretFlaw[] = [];

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
      const read = source === "env" ? fromEnvironment(name, env) : await fromFile(name);
      if ("secret" in read) {
        if (read.secret !== "") secrets.push(read.secret);
        filled += read.secret;
      } else flaws.push({ path, ...read });
    }
    return filled + text.slice(position);
  };

  const fill = async (node: unknown, path: Path): Promise<unknown> => {
    if (typeof node === "string") return node.includes("${") ? fillText(node, path) : node;
    if (Array.isArray(node)) return Promise.all(node.map((item, index) => fill(item, [...path, index])));
    if (typeof node !== "object" || node === null) return node;
    const entries = await Promise.all(
      Object.entries(node).map(async ([key, item]) => [key, await fill(item, [...path, key])] as const),
    );
    return Object.fromEntries(entries);
  };

  return { value: await fill(written, []), secrets, flaws };
}

type Read = { readonly secret: string } | Omit<SecretFlaw, "path">;

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): Read {
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    return { expected: `the name of a variable in \${env:NAME}`, got: JSON.stringify(name) };
  }
  const secret = env[name];
  return secret === undefined ? { expected: `a variable ${name} in the environment`, got: "none" } : { secret };
}

async function fromFile(path: string): Promise<Read> {
  const expected = `a readable file of at most 64 KiB at ${path}`;
  if (!path.startsWith("/"))
    return { expected: `a path that begins with a slash in \${file:PATH}`, got: JSON.stringify(path) };
  try {
    const found = await stat(path);
    if (!found.isFile()) return { expected, got: found.isDirectory() ? "a folder" : "no regular file" };
    if (found.size > LARGEST_BYTES) return { expected, got: `${found.size} bytes` };
    // Editors and `echo` end a file with a newline that is no part of the secret.
    return { secret: (await readFile(path, "utf8")).replace(/\r?\n$/, "") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { expected, got: code === "ENOENT" ? "none" : code };
  }
}
