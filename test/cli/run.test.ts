// A command line names a command or starts the daemon. A wrong one is refused with all its problems at once.

import { expect, test } from "bun:test";
import pkg from "../../package.json";
import { COMMANDS } from "../../src/cli/commands.ts";
import { loadOptionsFor } from "../../src/cli/load-options.ts";
import { parse } from "../../src/cli/parse.ts";
import { OPTION_GROUPS, OPTION_NAMES, OPTIONS, optionDef } from "../../src/config/options.ts";
import { printed, problemsOf, refusal, runCommand } from "../support/command.ts";
import { tempFolder } from "../support/temp.ts";

/** The options of the daemon that the command line starts. */
async function load(...argv: readonly string[]) {
  const parsed = await parse(argv, { options: OPTIONS, commands: async () => [] });
  return loadOptionsFor(parsed, {});
}

test.each([[[]], [["--help"]], [["help"]], [["-h"]], [["--port", "80", "-h"]], [["--prot", "80", "--help"]]])(
  "%j prints the help, with every option and every command",
  async (argv) => {
    const { out: text, err, status } = await runCommand(argv);
    expect({ err, status }).toEqual({ err: [], status: 0 });
    for (const name of OPTION_NAMES) {
      expect(text).toContain(`--${name}`);
      const { default: fallback } = optionDef(name);
      if (fallback) expect(text.replaceAll(/\s+/g, " ")).toContain(`Default: ${fallback}.`);
    }
    for (const group of OPTION_GROUPS) expect(text).toContain(`\n\n${group}:\n  `);
    for (const { meta } of COMMANDS) expect(text).toMatch(new RegExp(`^  ${meta.name} .*  ${meta.description}$`, "m"));
    expect(text).toBe(Bun.stripANSI(text));
    expect(text).not.toMatch(/ $/m);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  },
);

test.each([[["--version"]], [["version"]], [["-v"]], [["-version"]], [["--port", "0", "-v"]]])(
  "%j prints the version",
  async (argv) => {
    expect(await runCommand(argv)).toEqual(printed(`health-checker version v${pkg.version}`));
  },
);

test.each(COMMANDS.map((command) => [command.meta.name, command] as const))(
  "the help of %s has its options, an example and its exit statuses, in 80 columns",
  async (name, { help }) => {
    const { out: text, err, status } = await runCommand([name, "--help"]);
    expect({ err, status }).toEqual({ err: [], status: 0 });
    expect(text).toStartWith(`health-checker ${name} `);
    expect(text).toContain(`\nUsage: health-checker ${name}`);
    const shown = [...text.matchAll(/^ {2}--([\w-]+)/gm)].map(([, option]) => option);
    expect(shown).toEqual(Object.keys(help.options ?? {}));
    expect(text).toMatch(new RegExp(`\n\nExamples?:\n  health-checker ${name}`));
    expect(text).toMatch(/\n\nExit status:\n {2}0 +\S/);
    expect(text).not.toMatch(/ $/m);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(await runCommand(["help", name])).toEqual(printed(text));
  },
);

test("help refuses the name of a command that does not exist", async () => {
  expect(await runCommand(["help", "drian"])).toEqual(
    refusal(['health-checker: help: expected the name of a command, got "drian"']),
  );
});

test.each([
  [["version", "--x"], ["--x: unknown option"]],
  [["version", "check"], ['unexpected argument "check"']],
  [["help", "--x"], ["--x: unknown option"]],
  [["help", "validate", "--x"], ["--x: unknown option"]],
  [["help", "validate", "check"], ['unexpected argument "check"']],
] as const)("%j is refused", async (argv, problems) => {
  expect(await runCommand(argv)).toEqual(
    refusal(
      problems.map((problem) => `health-checker: ${problem}`),
      argv[0],
    ),
  );
});

test("--help=false does not print the help", async () => {
  expect(await problemsOf(["--help=false", "--port", "0"])).toHaveLength(1);
});

test("valid options start a daemon", async () => {
  expect(await load("-port", "5432", "--script", "/bin/true --port 1", "--singleflight")).toMatchObject({
    checks: [
      { name: "tcp 127.0.0.1:5432", settings: { tcp: { family: "tcp", host: "127.0.0.1", port: 5432 } } },
      {
        name: "script /bin/true --port 1",
        settings: { script: { text: "/bin/true --port 1", argv: ["/bin/true", "--port", "1"] } },
      },
    ],
    singleflight: true,
  });
});

test("the same check twice starts a daemon with a warning", async () => {
  expect(await load("--port", "80", "--port=127.0.0.1:80")).toMatchObject({
    warnings: ["--port 80: warning: the same check is given twice (also --port 127.0.0.1:80)"],
  });
});

test("each command has a unique name, unique synonyms and a description", () => {
  const words = COMMANDS.flatMap(({ meta: { name }, synonyms = [] }) => [name, ...synonyms]);
  expect(new Set(words)).toHaveProperty("size", words.length);
  expect(COMMANDS.filter(({ meta }) => !/^[a-z].*[^.]$/.test(meta.description))).toEqual([]);
});

test("problems of the words and of their values are reported together", async () => {
  expect(await runCommand(["--prot", "80", "--port", "0", "--listener", "1234", "--singleflight=maybe"])).toEqual(
    refusal([
      "health-checker: --prot: unknown option; did you mean --port?",
      'health-checker: --port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
      'health-checker: --singleflight: expected true or false, got "maybe"',
      'health-checker: --listener: expected HOST:PORT, :PORT or unix:/PATH, got "1234" (it has no colon)',
    ]),
  );
});

test("a --port without a value is one problem; a missing check is not a second one", async () => {
  expect(await runCommand(["--port"])).toEqual(refusal(["health-checker: --port: expected a value (PORT), got none"]));
});

test("a problem in a file begins with its place, any other with the name of the program", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "checks:\n  - tcp: 0\n");
  expect(await runCommand(["--config", file, "--port", "0"])).toEqual(
    refusal([
      'health-checker: --port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
      `${file}:2:10: checks[0].tcp: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got 0`,
    ]),
  );
});

test("a problem in a file whose name has odd characters begins with its place too", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("a\nb.yaml", "checks:\n  - tcp: 0\n");
  const [line = ""] = await problemsOf(["--config", file]);
  expect(line).toStartWith(`${JSON.stringify(file)}:2:10: checks[0].tcp: expected a port`);
});

test("a config file starts a daemon", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "checks:\n  - tcp: 80\n");
  expect(await load("--config", file)).toMatchObject({ checks: [{ timeoutMs: 5000 }] });
});

test("a first word that is no command is a problem, with a hint to the similar command", async () => {
  expect(await runCommand(["vaildate", "--port", "80"])).toEqual(
    refusal(['health-checker: unexpected argument "vaildate"; did you mean validate?']),
  );
  expect(await problemsOf(["--port", "80", "8080"])).toEqual([expect.stringMatching(/for each$/)]);
  expect(await problemsOf(["80"])).toEqual([expect.stringContaining('unexpected argument "80"')]);
});

test("a command after the options gets a hint that commands come first", async () => {
  expect(await problemsOf(["--interval", "10s", "--port", "80", "check"])).toEqual([
    'health-checker: unexpected argument "check"; commands come first: health-checker check --interval ...',
  ]);
  expect(await problemsOf(["--port=80", "status", "--singleflight"])).toEqual([
    'health-checker: unexpected argument "status"; commands come first: health-checker status --port ...',
  ]);
  expect(await problemsOf(["--", "drain"])).toEqual([
    'health-checker: unexpected argument "drain"; commands come first: health-checker drain',
  ]);
});

test("a name from other programs gets a hint to the name here", async () => {
  const shown = async (...argv: readonly string[]) => (await problemsOf(argv)).join("\n");
  for (const [argv, end] of [
    [["maint", "10m"], "; did you mean --for 10m?"],
    [["maint", "db", "--duration", "10m"], "did you mean --for?"],
    [["start"], "; to start the daemon, give options only: health-checker --port 5432"],
    [["restart"], "; use the service manager: systemctl restart health-checker"],
    [["test"], "; did you mean check?"],
    [["lint", "hc.yaml"], "; did you mean validate?"],
    [["-c", "hc.yaml"], "-c: unknown option; did you mean --config?"],
    [["/etc/hc.yaml"], "; did you mean --config /etc/hc.yaml?"],
    [["check", "hc.yml"], "; did you mean --config hc.yml?"],
    [["--timeout", "5"], "--timeout: unknown option; did you mean --port-timeout or --script-timeout?"],
    [["--port", "80,443"], 'got "80,443" (repeat --port for each)'],
    [["--port", "80 443"], 'got "80 443" (repeat --port for each)'],
    [["--port", "80,"], 'got "80," (repeat --port for each)'],
    [["--port", "80-90"], 'got "80-90" (repeat --port for each)'],
    [["--port", "localhost:80-90"], 'got "localhost:80-90" (repeat --port for each)'],
    [["--port", "tcp:5432"], 'got "tcp:5432" (the part before the colon is a protocol, not a host)'],
    [["hc.json"], "; did you mean --config hc.json?"],
    [["5432"], "; did you mean --port 5432?"],
    [["check", "localhost:5432"], "; did you mean --port localhost:5432?"],
    [["--log", "debug"], "--log: unknown option; did you mean --log-level?"],
    [["--debug"], "--debug: unknown option; did you mean --log-level debug?"],
    [["-V"], "-V: unknown option; did you mean --version?"],
    [["healthcheck"], "; did you mean check?"],
    [["drain", "10m"], "; did you mean maint --for 10m?"],
    [["drain", "--for", "10m"], "--for: unknown option; did you mean maint --for?"],
    [["reload", "hc.yaml"], "; reload reads the file that the daemon was started with"],
  ] as const) {
    expect(await shown(...argv)).toContain(end);
  }
  for (const text of ["x,y", ",", " ", "80-"]) expect(await shown("--port", text)).not.toContain("repeat");
  expect(await shown("undrain", "10m")).not.toContain("did you mean");
  expect(await shown("constructor")).not.toContain("did you mean");
});
