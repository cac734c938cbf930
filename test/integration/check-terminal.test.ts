// `check` on a terminal, a real pseudo terminal of script(1): colour, width and the
// live line; and what of that NO_COLOR takes away.

import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { freePort } from "../support/listeners.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const ESCAPE = "\u001b";

/** What the terminal was sent by the end. */
async function onTerminal(columns: number, args: string, env: Readonly<Record<string, string>> = {}) {
  const command = `stty cols ${columns} -onlcr; exec "${await binary()}" check ${args}`;
  await using child = startChild(["script", "-qec", command, "/dev/null"], { env: { TERM: "xterm", ...env } });
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, text: child.out.join("\n") };
}

test("a terminal gets colour, and no line that is wider than it", async () => {
  const args = `--port ${await freePort()} --script "sh -c 'echo ${"word ".repeat(40)}; exit 3'"`;
  for (const columns of [60, 100, 250]) {
    const { exitCode, text } = await onTerminal(columns, args);
    expect(exitCode).toBe(1);
    expect(text).toContain(`${ESCAPE}[31mdown`);
    const lines = Bun.stripANSI(text).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  }
});

test("NO_COLOR and a dumb terminal get none; an empty NO_COLOR is none", async () => {
  expect((await onTerminal(80, "--script true", { NO_COLOR: "1" })).text).not.toContain(ESCAPE);
  expect((await onTerminal(80, "--script true", { TERM: "dumb" })).text).not.toContain(ESCAPE);
  expect((await onTerminal(80, "--script true", { NO_COLOR: "" })).text).toContain(ESCAPE);
});

test("a wait lives on one line, which is gone when the table comes", async () => {
  await using folder = await tempFolder();
  // Passes at the second round.
  const script = await folder.write(
    "check.sh",
    `#!/bin/sh\necho x >>${folder.path}/rounds\n[ "$(wc -l <${folder.path}/rounds)" -ge 2 ]\n`,
    0o755,
  );
  const { exitCode, text } = await onTerminal(70, `--script ${script} --wait 60s`);
  expect(exitCode).toBe(0);
  const [live = "", ...table] = text.split(/(?=CHECK)/);
  const frames = live.split(`\r${ESCAPE}[K`);
  expect(frames.length).toBeGreaterThan(2);
  expect(frames.at(-1)?.replace(`${ESCAPE}[1m`, "")).toBe("");
  for (const frame of frames) {
    expect(frame).not.toContain("\n");
    expect(frame.length).toBeLessThan(70);
  }
  expect(frames[1]).toMatch(/^waiting, \w+ of 1m: script .*…$/);
  expect(Bun.stripANSI(table.join(""))).toEndWith("healthy, 1 of 1 up");
}, 30_000);

test("an interrupt from the terminal takes the live line away and ends it", async () => {
  const command = `stty cols 70 -onlcr; exec "${await binary()}" check --port ${await freePort()} --wait 5m`;
  const terminal = Bun.spawn(["script", "-qec", command, "/dev/null"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm" },
  });
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of terminal.stdout) text += decoder.decode(chunk, { stream: true });
  })();
  await until(() => text.includes("(refused)"), 10_000, "the live line");
  terminal.stdin.write("\u0003");
  terminal.stdin.flush();
  expect(await terminal.exited).toBe(130);
  await reading;
  expect(text.endsWith(`\r${ESCAPE}[K`)).toBe(true);
});
