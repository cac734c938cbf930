// The command line leads to one action: a text, a refusal with every problem, or a daemon.

import { expect, test } from "bun:test";
import pkg from "../../package.json";
import { decide as decideOn } from "../../src/cli/decide.ts";
import { OPTIONS } from "../../src/cli/options.ts";

const decide = (...argv: string[]) => decideOn(argv);

test.each([[[]], [["--help"]], [["help"]], [["-h"]], [["--port", "80", "-h"]], [["--prot", "80", "--help"]]])(
  "%j gives the help, with every option in it",
  async (argv) => {
    const action = await decide(...argv);
    const text = action.kind === "print" ? action.text : "";
    for (const { name, default: fallback } of OPTIONS) {
      expect(text).toContain(`--${name}`);
      if (fallback) expect(text).toContain(`default ${fallback})`);
    }
    expect(text).toBe(Bun.stripANSI(text));
    expect(text).not.toMatch(/ $/m);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  },
);

test.each([[["--version"]], [["version"]], [["-v"]], [["-version"]], [["--port", "0", "-v"]]])(
  "%j gives the version",
  async (argv) => {
    expect(await decide(...argv)).toEqual({ kind: "print", text: `health-checker version v${pkg.version}` });
  },
);

test("--help=false is not a wish for help", async () => {
  expect(await decide("--help=false", "--port", "80")).toMatchObject({ kind: "serve" });
});

test("good options lead to a daemon", async () => {
  const action = await decide("-port", "5432", "--script", "/bin/true --port 1", "--singleflight");
  expect(action).toMatchObject({
    kind: "serve",
    options: {
      ports: [{ family: "tcp", host: "127.0.0.1", port: 5432 }],
      scripts: [{ text: "/bin/true --port 1", argv: ["/bin/true", "--port", "1"] }],
      singleflight: true,
    },
  });
});

test("problems of the words and of their values are told together", async () => {
  expect(await decide("--prot", "80", "--port", "0", "--listener", "1234")).toEqual({
    kind: "refuse",
    problems: [
      "--prot: unknown option; did you mean --port?",
      '--listener: expected HOST:PORT, :PORT or unix:/PATH, got "1234" (it has no colon)',
      '--port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
    ],
  });
});

test("a --port that lacks its value is one problem, and not also that there is no check", async () => {
  expect(await decide("--port")).toEqual({ kind: "refuse", problems: ["--port: expected a value (PORT), got none"] });
});
