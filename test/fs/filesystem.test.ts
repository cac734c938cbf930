// A file system that hangs delays neither other checks nor the runtime's own threads, and is not asked again meanwhile.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { disk } from "../../src/checks/disk.ts";
import { file } from "../../src/checks/file.ts";
import { runCheck } from "../../src/checks/run.ts";
import { askFileSystem } from "../../src/fs/filesystem.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { mountHung } from "../support/mounts.ts";
import { asRoot } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const never = new AbortController().signal;
/** What a file check that passes says: when the file was last changed. */
const PASSED = { ok: true, detail: expect.stringMatching(/^last changed .+ ago$/) } as const;
/** Our threads, by the name that the runtime gives them; optionally only those that hang in a call. */
const threads = (which: "all" | "hanging" = "all") =>
  readdirSync("/proc/self/task").filter((id) => {
    try {
      const [, name, state] = /\((.*)\) (.)/s.exec(readFileSync(`/proc/self/task/${id}/stat`, "utf8")) ?? [];
      return name === "Worker" && (which === "all" || state === "D");
    } catch {
      return false;
    }
  }).length;
const reasonOf = (outcome: { readonly ok: boolean; readonly reason?: string }) => (outcome.ok ? "ok" : outcome.reason);

asRoot(
  "a mount that hangs fails at the timeout, and is not asked again until it has answered",
  async () => {
    await outcomeOf(file, { file: "/etc/passwd" });
    // The test runner may have a thread of the same name.
    const idle = threads();
    await using mount = await mountHung();
    const path = join(mount.path, "it");
    const one = checkOf(file, { file: path }, { timeoutMs: 300 });
    const { outcome } = await runCheck(one, never);
    expect(outcome).toEqual({ ok: false, reason: "timeout", message: `${path} did not answer (timeout 300ms)` });

    // At first it counts as slow, so the run waits for it.
    const again = await runCheck(one, never);
    expect(again.outcome).toMatchObject({ reason: "timeout" });
    await until(async () => reasonOf((await runCheck(one, never)).outcome) === "stuck", 10_000, "it to be stuck");
    expect((await runCheck(one, never)).outcome).toEqual({
      ok: false,
      reason: "stuck",
      message: expect.stringMatching(
        /^\/.+\/it has not answered for \ds\d*(ms)?; it is not accessed again until it answers$/,
      ),
    });

    // Twenty other questions about the same mount, of all kinds; at most one of them gets a thread.
    const others = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? outcomeOf(file, { file: join(mount.path, String(index)), absent: true }, { timeoutMs: 300 })
        : outcomeOf(disk, { disk: join(mount.path, String(index)), "min-free": "1%" }, { timeoutMs: 300 }),
    );
    // Meanwhile other mounts answer, and so does the runtime's own pool.
    for (let round = 0; round < 20; round++) {
      expect(await outcomeOf(file, { file: "/etc/passwd", expect: "root" })).toEqual(PASSED);
    }
    await Promise.all(Array.from({ length: 8 }, () => stat("/etc/passwd")));
    expect(new Set((await Promise.all(others)).map(reasonOf))).toEqual(new Set(["timeout"]));
    await until(async () => {
      return reasonOf(await outcomeOf(file, { file: join(mount.path, "new") }, { timeoutMs: 300 })) === "stuck";
    });
    expect(threads()).toBeLessThanOrEqual(idle + 3);

    await mount.end();
    await until(
      async () =>
        (await outcomeOf(file, { file: path })).ok === false &&
        reasonOf(await outcomeOf(file, { file: path })) === "unreachable",
    );
    expect(await outcomeOf(file, { file: path })).toEqual({
      ok: false,
      reason: "unreachable",
      message: `cannot access ${path}: the server of the mount is gone: ${mount.path} (fuse, hung) (ENOTCONN)`,
    });
    // The threads that hung have ended.
    await until(() => threads() <= idle, 10_000, "the other threads to end");
  },
  60_000,
);

asRoot(
  "when as many mounts hang as there are threads, other questions fail with a message of their own",
  async () => {
    await using stack = new AsyncDisposableStack();
    const mounts = await Promise.all(Array.from({ length: 5 }, () => mountHung()));
    for (const mount of mounts) stack.use(mount);
    const all = mounts.flatMap(({ path }) => [join(path, "a"), join(path, "b")]);
    const cut = new AbortController();
    const outcomes = all.map((path) => checkOf(file, { file: path }).probe(cut));
    // The mounts take all eight threads, one after another.
    await until(() => threads("hanging") === 8);
    cut.abort();
    expect(new Set((await Promise.all(outcomes)).map(reasonOf))).toEqual(new Set(["timeout"]));
    expect(await outcomeOf(file, { file: "/etc/passwd" }, { timeoutMs: 200 })).toEqual({
      ok: false,
      reason: "timeout",
      message: "waiting to access /etc/passwd; other paths do not answer (timeout 200ms)",
    });
    for (const mount of mounts) await mount.end();
    await until(async () => (await outcomeOf(file, { file: "/etc/passwd" }, { timeoutMs: 200 })).ok);
  },
  60_000,
);

test("an abandoned question leaves nothing, and does not count as stuck", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "x");
  for (let attempt = 0; attempt < 200; attempt++) {
    const cut = new AbortController();
    const asked = Array.from({ length: 5 }, () => askFileSystem({ ask: "stat", path }, cut.signal));
    if (attempt % 2) await Promise.resolve();
    cut.abort();
    for (const results of await Promise.all(asked)) expect(results).toMatchObject({ reason: "timeout" });
    expect(await askFileSystem({ ask: "stat", path }, never)).toMatchObject({ value: { type: "regular file" } });
  }
  expect(await askFileSystem({ ask: "stat", path }, AbortSignal.abort())).toMatchObject({ reason: "timeout" });
});

test("answers belong to their questions, however many there are at once", async () => {
  await using folder = await tempFolder();
  const paths = await Promise.all(Array.from({ length: 200 }, (_, index) => folder.write(`${index}`, `of ${index}`)));
  const results = await Promise.all(paths.map((path) => askFileSystem({ ask: "read", path, limitBytes: 100 }, never)));
  expect(results.map((one) => (one.ok ? one.value.text : one))).toEqual(paths.map((_, index) => `of ${index}`));
});

test("without a free descriptor it is tried again, and fails with reason resource at the timeout", async () => {
  const script = `
    import { openSync, closeSync } from "node:fs";
    import { file } from ${JSON.stringify(join(import.meta.dir, "../../src/checks/file.ts"))};
    import { process as named } from ${JSON.stringify(join(import.meta.dir, "../../src/checks/process/process.ts"))};
    import { checkOf } from ${JSON.stringify(join(import.meta.dir, "../support/checks.ts"))};
    const { Worker } = globalThis;
    let onQuestion = () => {};
    globalThis.Worker = class extends Worker {
      postMessage(question) { onQuestion(); super.postMessage(question); }
    };
    // The probe alone: on a busy machine a run would abandon a probe that ends late.
    const run = (kind, keys, timeoutMs) => checkOf(kind, keys).probe({ signal: AbortSignal.timeout(timeoutMs) });
    const look = (timeoutMs) => run(file, { file: "/etc/passwd", expect: "root" }, timeoutMs);
    const count = (timeoutMs) => run(named, { process: "bun-none" }, timeoutMs);
    // Loading a module after a failure needs a descriptor too.
    await run(file, { file: "/none", expect: "root" }, 1000);
    await look(1000); await count(1000);
    const taken = [];
    try { for (;;) taken.push(openSync("/dev/null")); } catch {}
    const results = [await look(200), await count(1000)];
    // There is a second question, since the first one got no descriptor.
    let questions = 0;
    onQuestion = () => { if (++questions === 2) for (const fd of taken) closeSync(fd); };
    results.push(await look(10000), questions);
    console.log(JSON.stringify(results)); process.exit();`;
  const { stdout } = Bun.spawnSync(
    ["/bin/sh", "-c", 'ulimit -n 100; exec "$@"', "sh", process.execPath, "-e", script],
    {
      stderr: "inherit",
    },
  );
  expect(JSON.parse(stdout.toString())).toEqual([
    { ok: false, reason: "resource", message: expect.stringContaining("to access /etc/passwd (EMFILE)") },
    { ok: false, reason: "resource", message: expect.stringContaining("to access /proc (EMFILE)") },
    PASSED,
    2,
  ]);
}, 20_000);

test("without a thread it is tried again, fails with reason resource at the timeout, and never hangs", async () => {
  // Bun throws this when clone(2) fails, as at the limit of processes (EAGAIN).
  const script = `
    import { file } from ${JSON.stringify(join(import.meta.dir, "../../src/checks/file.ts"))};
    import { outcomeOf } from ${JSON.stringify(join(import.meta.dir, "../support/checks.ts"))};
    const look = (file_, timeoutMs) => outcomeOf(file, { file: file_ }, { timeoutMs });
    const { Worker } = globalThis;
    let refusals = 0;
    let onRefusal = () => {};
    globalThis.Worker = class { constructor() { onRefusal(); throw new TypeError("Failed to spawn worker thread"); } };
    const results = await Promise.all([look("/etc/passwd", 200), look("/etc/group", 200)]);
    onRefusal = () => {
      if (++refusals < 2) return;
      globalThis.Worker = class extends Worker {
        postMessage(question) { results.push(question.path); super.postMessage(question); }
      };
    };
    results.push(await look("/etc/hosts", 10000));
    console.log(JSON.stringify(results)); process.exit();`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { stderr: "inherit" });
  const failure = (path: string) => ({
    ok: false,
    reason: "resource",
    message: `no thread or memory left to access ${path} (no thread)`,
  });
  expect(JSON.parse(stdout.toString())).toEqual([failure("/etc/passwd"), failure("/etc/group"), "/etc/hosts", PASSED]);
}, 20_000);
