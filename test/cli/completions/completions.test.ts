// completions prints a script for each shell, and the names of the daemon's checks.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { completion, SHELLS } from "../../../src/cli/completions/completions.ts";
import { printed, refusal, runCommand } from "../../support/command.ts";
import { startDaemon } from "../../support/daemon.ts";
import { needs } from "../../support/needs.ts";
import { run } from "../../support/run.ts";
import { tempFolder } from "../../support/temp.ts";

test.each(SHELLS)("completions %s prints the script", async (shell) => {
  expect(await runCommand(["completions", shell])).toEqual(printed((await completion(shell, COMMANDS)).trimEnd()));
});

test.each([
  [[], "completions: expected bash, zsh, fish, got none"],
  [["ksh"], 'completions: expected bash, zsh, fish, got "ksh"'],
  [["bash", "zsh"], 'unexpected argument "zsh"'],
  [["bash", "--checks"], 'unexpected argument "bash"'],
] as const)("completions %j is refused", async (args, problem) => {
  expect(await runCommand(["completions", ...args])).toEqual(refusal([`health-checker: ${problem}`], "completions"));
});

(await needs("shellcheck"))(
  "shellcheck accepts the script for bash",
  async () => {
    await using folder = await tempFolder();
    const file = await folder.write("script", await completion("bash", COMMANDS));
    const child = Bun.spawn(["shellcheck", file], { stdout: "pipe" });
    expect({ out: await new Response(child.stdout).text(), status: await child.exited }).toEqual({
      out: "",
      status: 0,
    });
  },
  60_000,
);

test("completions --checks prints the names of the daemon's checks and runs none of them", async () => {
  await using folder = await tempFolder();
  const socket = join(folder.path, "control.sock");
  const ran = join(folder.path, "ran");
  const file = await folder.write("config.yaml", `checks:\n  - { name: it's, script: touch ${ran} }\n  - tcp: 5432\n`);
  await using _daemon = await startDaemon(["--config", file, "--control-socket", socket]);
  const argv = ["--checks", "--control-socket", socket];
  expect(await runCommand(["completions", ...argv])).toEqual(printed("it's\ntcp 127.0.0.1:5432"));
  expect(existsSync(ran)).toBe(false);
  // From the program itself, whose scripts are embedded.
  const ofProgram = await run(["completions", "zsh"]);
  expect(ofProgram).toEqual({ out: await completion("zsh", COMMANDS), err: "", exitCode: 0 });
});

test("completions --checks prints nothing if no daemon answers, or another program does", async () => {
  await using folder = await tempFolder();
  const socket = join(folder.path, "control.sock");
  const argv = ["completions", "--checks", "--control-socket", socket];
  expect(await runCommand(argv)).toEqual(printed(""));
  await using _other = Bun.serve({ unix: socket, fetch: () => Response.json({ names: "all" }, { status: 404 }) });
  expect(await runCommand(argv)).toEqual(printed(""));
});
