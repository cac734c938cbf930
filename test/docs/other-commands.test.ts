// The command lines that docs/containers.md and docs/fleet.md give to Docker, to Kubernetes and to SSM are ones that the
// program accepts. Those of a shell are in commands.test.ts.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { splitWords } from "../../src/text/shell-words.ts";
import { ROOT } from "../support/binary.ts";
import { problemsOfWords } from "../support/command-line.ts";

const page = (name: string): Promise<string> => Bun.file(join(ROOT, "docs", name)).text();
const [CONTAINERS, FLEET] = await Promise.all([page("containers.md"), page("fleet.md")]);

function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(/^ *```(\w+)\n(.*?)^ *```$/gms)].flatMap(([, name, block = ""]) =>
    name === language ? [block] : [],
  );
}

function words(line: string): readonly string[] {
  const split = splitWords(line);
  if (typeof split === "string") throw new Error(`${line}: ${split}`);
  return split;
}

async function expectAccepted(lines: readonly (readonly string[])[], least: number): Promise<void> {
  expect(lines.length).toBeGreaterThanOrEqual(least);
  for (const line of lines) expect({ line, problems: await problemsOfWords(line) }).toEqual({ line, problems: [] });
}

test("what a Dockerfile runs is accepted", async () => {
  const files = blocks(CONTAINERS, "dockerfile").join("\n").replaceAll("\\\n", " ");
  const lists = [...`${files}\n${CONTAINERS}`.matchAll(/\bCMD (\[.*?\])/g)].map(([, list = ""]) => JSON.parse(list));
  await expectAccepted(
    lists.map((list: readonly string[]) => (list[0] === "health-checker" ? list.slice(1) : list)),
    3,
  );
});

test("what docker run and docker exec pass on is accepted", async () => {
  const lines = blocks(CONTAINERS, "sh").join("\n").replaceAll("\\\n", " ").split("\n");
  // The last word health-checker on the line: the image of `run`, the program of `exec`.
  const passed = lines.flatMap((line) => /^docker (?:run|exec) .*\bhealth-checker (.*)$/.exec(line)?.[1] ?? []);
  await expectAccepted(passed.map(words), 3);
});

test("the manifests are YAML, and the arguments in them are accepted", async () => {
  const manifests = blocks(CONTAINERS, "yaml").map((block) => parseDocument(block));
  expect(manifests.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  const containers = manifests.flatMap((manifest) => manifest.toJS().spec.containers);
  await expectAccepted(
    containers.flatMap(({ args }: { args?: readonly string[] }) => (args ? [args] : [])),
    2,
  );
});

test("what SSM runs is accepted", async () => {
  const parameters = [...FLEET.matchAll(/--parameters '(.*)'$/gm)].map(([, json = ""]) => JSON.parse(json));
  const lines = parameters.flatMap(({ commands }: { commands: readonly string[] }) => commands);
  const prefix = "/usr/local/bin/health-checker ";
  expect(lines.filter((line) => !line.startsWith(prefix))).toEqual([]);
  await expectAccepted(
    lines.map((line) => words(line.slice(prefix.length))),
    2,
  );
});
