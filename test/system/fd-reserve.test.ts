// When descriptors run out, probes still work with a reserve, and report the lack without one.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { listenRaw } from "../net/raw-socket.ts";

const FIXTURE = join(import.meta.dir, "../fixtures/starved.ts");

interface Report {
  readonly taken: number;
  readonly outcomes: readonly (readonly unknown[])[];
}

/** Runs the fixture with at most 64 descriptors. */
async function starve(port: number, ...options: readonly string[]): Promise<Report> {
  const child = Bun.spawn(
    ["/bin/sh", "-c", 'ulimit -n 64 && exec "$@"', "-", process.execPath, FIXTURE, String(port), ...options],
    {
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return JSON.parse(text);
}

/** Before this round the fixture closes all its descriptors and opens them again. */
const FIRST_AFTER_CALM = 10;

const TRUTH = [
  { ok: true },
  { ok: true },
  { ok: false, reason: "exit", message: "exited with status 3", output: "oh" },
];

test.each([
  ["every other descriptor is taken", ["reserve"]],
  ["whatever comes free is taken at once, as by clients that wait", ["reserve", "greedy"]],
  ["all was taken, let go and taken again", ["reserve", "twice"]],
])(
  "with a reserve each check has its true outcome, though %s",
  async (_how, options) => {
    using peer = listenRaw({ family: "v4" });
    const { taken, outcomes } = await starve(peer.port, ...options);
    expect(taken).toBeWithin(1, 64);
    expect(outcomes).toEqual(Array(12).fill(TRUTH));
  },
  30_000,
);

test("an empty reserve is filled again once descriptors are free", async () => {
  using peer = listenRaw({ family: "v4" });
  const { outcomes } = await starve(peer.port, "reserve", "greedy", "twice");
  expect(outcomes[FIRST_AFTER_CALM]).toEqual(TRUTH);
}, 30_000);

test("without a reserve a check that lacks a descriptor tries until its timeout, and then fails with reason resource", async () => {
  using peer = listenRaw({ family: "v4" });
  const { outcomes } = await starve(peer.port, "greedy", "short");
  expect(outcomes.at(-1)).toEqual([
    { ok: false, reason: "resource", message: `no descriptor left to reach 127.0.0.1:${peer.port} (EMFILE)` },
    { ok: false, reason: "resource", message: "no process or descriptor left to start /bin/true (EMFILE)" },
    { ok: false, reason: "resource", message: "no process or descriptor left to start /bin/sh (EMFILE)" },
  ]);
}, 30_000);
