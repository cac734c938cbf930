// What the release workflow runs on each system passes here, and fails for what is not the daemon.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { version } from "../../package.json";
import { binary, ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";

const SMOKE = join(ROOT, "test/e2e/smoke.ts");

async function smoke(...words: readonly string[]) {
  await using child = startChild([process.execPath, SMOKE, ...words]);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return {
    exitCode,
    out: child.out.filter((line) => line.startsWith("ok: ")).map((line) => line.split(":")[1]?.trim()),
    err: child.err,
  };
}

test("the binary starts, answers and stops", async () => {
  expect(await smoke(await binary(), `v${version}`)).toEqual({
    exitCode: 0,
    out: [
      "--version",
      "it listens",
      "port and script are up",
      "the script is down",
      "the script is up again",
      "the port is down",
      "it stops",
      "check exits with 1, since both are down",
    ],
    err: [],
  });
});

test("another version, another program and no program fail", async () => {
  expect(await smoke(await binary(), "v0.0.8")).toMatchObject({
    exitCode: 1,
    out: [],
    err: [expect.stringContaining(`v${version}`)],
  });
  expect(await smoke("/bin/true")).toMatchObject({ exitCode: 1, out: [] });
  expect(await smoke("/no/such/program")).toMatchObject({ exitCode: 2, out: [] });
});
