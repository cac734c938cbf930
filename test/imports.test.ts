// The floors of the house: what a file may import. CONTRIBUTING has the same list.

import { expect, test } from "bun:test";
import { dirname, join, normalize, relative } from "node:path";
import { Glob } from "bun";
import { KINDS } from "../src/checks/kinds.ts";

const SRC = join(import.meta.dir, "../src");

/** From the ground up. A folder imports from itself and from what stands before it. */
const FLOORS = [
  "system",
  "outcome",
  "text",
  "log",
  "fs",
  "net",
  "process",
  "fields",
  "checks",
  "monitor",
  "drain",
  "config",
  "status",
  "sd-notify",
  "listeners",
  "daemon",
  "cli",
  "main",
];

const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g;
/** Types leave nothing to be run, so two files may know each other's. */
const TYPES = /^(?:import|export) type [^;]*;/gm;

const floorOf = (file: string): number => FLOORS.indexOf(file.split("/")[0]?.replace(/\.ts$/, "") ?? "");

interface Import {
  readonly from: string;
  readonly to: string;
}

async function importsOf(prepare: (text: string) => string): Promise<readonly Import[]> {
  const files = await Array.fromAsync(new Glob("**/*.ts").scan(SRC));
  expect(files.length).toBeGreaterThan(100);
  const found = files.map(async (from) => {
    const text = prepare(await Bun.file(join(SRC, from)).text());
    return [...text.matchAll(IMPORT)].map(([, path = ""]) => ({ from, to: normalize(join(dirname(from), path)) }));
  });
  return (await Promise.all(found)).flat();
}

test("no import points upward, and every folder has its floor", async () => {
  const imports = await importsOf((text) => text);
  expect(imports.filter(({ from, to }) => floorOf(from) < 0 || floorOf(to) < 0)).toEqual([]);
  expect(imports.filter(({ from, to }) => floorOf(to) > floorOf(from))).toEqual([]);
});

test("no file imports itself by way of others", async () => {
  const targets = new Map<string, string[]>();
  for (const { from, to } of await importsOf((text) => text.replace(TYPES, ""))) {
    targets.set(from, [...(targets.get(from) ?? []), to]);
  }
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const next of targets.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  expect(circles).toEqual([]);
});

/** What only an option needs: its files, and the libraries. */
const LATER = [
  "listeners/admin/",
  "listeners/control/",
  "listeners/haproxy-agent/",
  "daemon/admin.ts",
  "daemon/metrics-file.ts",
  "status/metrics/",
  "status/recorder.ts",
  "status/check-past.ts",
  "status/clients.ts",
  "status/schema.ts",
  "sd-notify/",
];

test("what only an option needs, zod, citty, yaml and @prometheus-io/client are loaded by import() alone: the start of a daemon with few options does not pay for them", async () => {
  const files = await Array.fromAsync(new Glob("**/*.ts").scan(SRC));
  const texts = await Promise.all(
    files.map(async (file) => [file, (await Bun.file(join(SRC, file)).text()).replace(TYPES, "")] as const),
  );
  const textOf = new Map(texts);
  const loaded = new Set<string>(["main.ts"]);
  for (const file of loaded) {
    for (const [, path = ""] of textOf.get(file)?.matchAll(/\bfrom "(\.[^"]+\.ts)"/g) ?? []) {
      loaded.add(normalize(join(dirname(file), path)));
    }
  }
  expect(loaded.size).toBeGreaterThan(50);
  expect([...loaded].filter((file) => LATER.some((later) => file.startsWith(later)))).toEqual([]);
  expect(
    [...loaded].filter((file) => /\bfrom "(zod|citty|yaml|@prometheus-io\/client)\b/.test(textOf.get(file) ?? "")),
  ).toEqual([]);
});

test("CONTRIBUTING names the floors in this order", async () => {
  const text = await Bun.file(join(SRC, "../CONTRIBUTING.md")).text();
  const rows = [...text.matchAll(/^ {4}src\/([\w-]+)(?:\/|\.ts)/gm)].map(([, name]) => name);
  expect(rows.toReversed()).toEqual(FLOORS);
  expect(relative(SRC, join(SRC, "main.ts"))).toBe("main.ts");
});

test("outside src/checks nothing asks for a kind by its name", async () => {
  const names = Object.keys(KINDS).join("|");
  const asks = new RegExp(
    [
      String.raw`\bkind(?:\.name)?\s*[!=]==\s*"(?:${names})"`,
      String.raw`"(?:${names})"\s*[!=]==\s*[\w.]*\bkind(?:\.name)?\b`,
      String.raw`[\w)\]]\[(?:\w+\.)*kind(?:\.name)?\]|\b(?:includes|has|get)\((?:\w+\.)*kind(?:\.name)?\)`,
    ].join("|"),
  );
  const files = await Array.fromAsync(new Glob("**/*.ts").scan(SRC));
  const found = files.map(async (file) => (asks.test(await Bun.file(join(SRC, file)).text()) ? [file] : []));
  expect((await Promise.all(found)).flat().filter((file) => !file.startsWith("checks/"))).toEqual([]);
});

test("every file that a page names is there", async () => {
  const root = join(SRC, "..");
  const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...new Glob("docs/**/*.md").scanSync(root)];
  const missing: string[] = [];
  for (const page of pages) {
    const text = await Bun.file(join(root, page)).text();
    for (const [path] of text.matchAll(/(?<![\w/.])(?:src|test|bench|packaging)\/[\w./-]+\.[a-z]+/g)) {
      if (!(await Bun.file(join(root, path)).exists())) missing.push(`${page}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});
