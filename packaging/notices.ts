// The licenses of what is in the program beside our own code: each asks that its text goes with every copy.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Package, packages } from "./sbom.ts";

const ROOT = join(import.meta.dir, "..");

const LICENSE_FILE = /^(licen[cs]e|copying|notice)(\.\w+)?$/i;

const HEAD = `The program contains Bun ${Bun.version}, its runtime, which is under the MIT license and contains other libraries:
https://github.com/oven-sh/bun/blob/bun-v${Bun.version}/LICENSE.md

It also contains these packages from npm.
`;

let text: Promise<string> | undefined;

/** Read once: to find what is in the program takes a bundling. */
export function notices(): Promise<string> {
  text ??= packages().then(async (all) => [HEAD, ...(await Promise.all(all.map(noticeOf)))].join("\n"));
  return text;
}

async function noticeOf({ name, version, license }: Package): Promise<string> {
  const folder = join(ROOT, "node_modules", name);
  const files = (await readdir(folder)).filter((file) => LICENSE_FILE.test(file)).toSorted();
  const texts = await Promise.all(files.map((file) => Bun.file(join(folder, file)).text()));
  return [`${"-".repeat(76)}`, `${name} ${version} (${license})`, ...texts.map((each) => `\n${each.trim()}`), ""].join(
    "\n",
  );
}
