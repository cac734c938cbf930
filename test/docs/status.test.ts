// What docs/fleet.md shows of `status` is what it prints, apart from times and numbers.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { run } from "../support/run.ts";
import { tempFolder } from "../support/temp.ts";

/** Each line without what differs from one run to the next, and without the padding of columns. */
function plain(text: string): readonly string[] {
  const lines = text
    .trim()
    .replaceAll(/127\.\d+\.\d+\.\d+:\d+/g, "ADDRESS")
    .split("\n");
  return lines.map((line) =>
    line
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "TIME")
      .replaceAll(/\b[\d.]+s\b/g, "DURATION")
      .replaceAll(/pid \d+/g, "pid N")
      .replaceAll(/ +/g, " ")
      .trimEnd(),
  );
}

test("the status of docs/fleet.md is what the command prints", async () => {
  const page = await Bun.file(join(ROOT, "docs/fleet.md")).text();
  const [, shown = ""] = /^\$ sudo health-checker status\n(.*?)^```$/ms.exec(page) ?? [];
  await using folder = await tempFolder();
  const address = loopbackAddress();
  using database = Bun.listen({ hostname: address, port: 0, socket: { data() {} } });
  const closed = freePort(address);
  const write = (timeout: string) =>
    folder.write(
      "c.yaml",
      `interval: 10s
checks:
  - { name: database, tcp: "${address}:${database.port}", timeout: ${timeout} }
  - { name: cache, tcp: "${address}:${closed}" }
`,
    );
  const socket = join(folder.path, "control.sock");
  await using daemon = await startDaemon(["--config", await write("1s"), "--control-socket", socket]);
  expect((await daemon.ask()).status).toBe(504);
  await write("2s");
  expect((await run(["reload", "--control-socket", socket])).exitCode).toBe(0);
  const { out, exitCode } = await run(["status", "--control-socket", socket]);
  expect({ printed: plain(out), exitCode }).toEqual({ printed: plain(shown), exitCode: 1 });
}, 60_000);
