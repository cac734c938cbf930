// On a system that lacks something, a listener that needs it is refused, and a check that needs it gets a warning.

import { expect, test } from "bun:test";
import { loadOptions } from "../../src/config/load.ts";
import { findUnsupported } from "../../src/config/platform.ts";
import { tempFolder } from "../support/temp.ts";

const CONFIG = `checks:
  - { name: worker, process: worker }
  - { name: unit, systemd: app.service }
  - { name: web, http: "http://127.0.0.1/" }
  - { name: job, script: job }
  - { name: port, tcp: 80 }
`;

async function checks() {
  await using folder = await tempFolder();
  const options = await loadOptions({ config: [await folder.write("c.yaml", CONFIG)] });
  if (!("checks" in options)) throw new Error(options.join("\n"));
  return options.checks;
}

const LISTENERS = {
  listener: { family: "unix", path: "/run/health.sock" },
  "agent-listener": { family: "tcp", host: "127.0.0.1", port: 5001 },
  "admin-listener": undefined,
  "control-socket": "/run/control.sock",
} as const;

test("Windows has no unix sockets, and no processes or units to look at", async () => {
  expect(findUnsupported(await checks(), LISTENERS, "win32")).toEqual({
    problems: [
      "--listener: unix sockets are not supported on Windows",
      "--control-socket: unix sockets are not supported on Windows",
    ],
    warnings: [
      'warning: check "worker" fails here: process checks need Linux, and this is Windows',
      'warning: check "unit" fails here: systemd checks need Linux, and this is Windows',
    ],
  });
});

test("macOS has unix sockets", async () => {
  const { problems, warnings } = findUnsupported(await checks(), LISTENERS, "darwin");
  expect(problems).toEqual([]);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toEndWith("this is macOS");
});

test("what is not given is not refused", () => {
  expect(findUnsupported([], { listener: LISTENERS["agent-listener"] }, "win32")).toEqual({
    problems: [],
    warnings: [],
  });
});
