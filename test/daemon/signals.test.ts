// The first ending signal starts an orderly stop, the second ends the process at once, whichever signals they are.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../support/until.ts";

const FIXTURE = join(import.meta.dir, "../fixtures/signals.ts");

test.each([
  ["SIGTERM", "SIGTERM", 143],
  ["SIGTERM", "SIGINT", 130],
  ["SIGINT", "SIGTERM", 143],
  ["SIGHUP", "SIGHUP", 129],
] as const)(
  "%s starts the stop, and %s after it ends the process with exit code %d",
  async (first, second, exitCode) => {
    const child = Bun.spawn([process.execPath, FIXTURE], { stdout: "pipe", stderr: "inherit" });
    let text = "";
    const read = (async () => {
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) text += chunk;
    })();
    await until(() => text === "ready\n");
    child.kill(first);
    await until(() => text.includes(`first ${first}\n`));
    child.kill(second);
    expect(await child.exited).toBe(exitCode);
    await read;
    expect(text).toBe(`ready\nfirst ${first}\nsecond ${second} ${exitCode}\n`);
  },
);
