// Every word of the command line is read or is a problem, and all problems are reported at once.

import { expect, test } from "bun:test";
import { parse } from "../../src/cli/parse.ts";
import { OPTION_NAMES, OPTIONS, optionDef } from "../../src/config/options.ts";
import * as fc from "../support/properties.ts";

const parseDaemon = (argv: readonly string[]) => parse(argv, { options: OPTIONS, commands: async () => [] });

const stray = (word: string) => `unexpected argument ${JSON.stringify(word)}`;

test.each([
  [[], {}, []],
  [["--port", "80"], { port: ["80"] }, []],
  [["-port", "80"], { port: ["80"] }, []],
  [["--port=80"], { port: ["80"] }, []],
  [["-port=80"], { port: ["80"] }, []],
  [["--port=a=b"], { port: ["a=b"] }, []],
  [["--port="], { port: [""] }, []],
  [["--port", ""], { port: [""] }, []],
  [["--port", "80", "-port=81", "--port", "82"], { port: ["80", "81", "82"] }, []],
  [["--script", "sh -c 'x --port 1'"], { script: ["sh -c 'x --port 1'"] }, []],
  [["--script", "-x"], { script: ["-x"] }, []],
  [["--script", "-lone dash"], { script: ["-lone dash"] }, []],
  [["--script=-port"], { script: ["-port"] }, []],
  [["--port", "-1"], { port: ["-1"] }, []],
  [["--singleflight"], { singleflight: ["true"] }, []],
  [["-singleflight"], { singleflight: ["true"] }, []],
  [["--singleflight=false"], { singleflight: ["false"] }, []],
  [["-singleflight=true"], { singleflight: ["true"] }, []],
  [["--singleflight=maybe"], { singleflight: ["maybe"] }, []],
  [["--singleflight", "--port", "80"], { singleflight: ["true"], port: ["80"] }, []],
  [["-h"], { help: ["true"] }, []],
  [["-v"], { version: ["true"] }, []],
  [["--help", "--version"], { help: ["true"], version: ["true"] }, []],
  [["--"], {}, []],
] as const)("%j is read", async (argv, values, problems) => {
  expect(await parseDaemon(argv)).toEqual({ values, problems });
});

test.each([
  [["80"], {}, [`${stray("80")}; did you mean --port 80?`]],
  [["-"], {}, [stray("-")]],
  [["--port"], {}, ["--port: expected a value (PORT), got none"]],
  [["--script", "-h"], { help: ["true"] }, ["--script: expected a value (COMMAND), got the option -h"]],
  [
    ["--port", "--script", "x", "-port=80"],
    { script: ["x"], port: ["80"] },
    ["--port: expected a value (PORT), got the option --script"],
  ],
  [
    ["--port", "-script=x", "--listener", "--port=1"],
    { script: ["x"], port: ["1"] },
    [
      "--port: expected a value (PORT), got the option -script=x",
      "--listener: expected a value (HOST:PORT), got the option --port=1",
    ],
  ],
  [["--singleflight", "false"], { singleflight: ["true"] }, [stray("false")]],
  [["--prot", "80"], {}, ["--prot: unknown option; did you mean --port?"]],
  [["-scirpt", "x"], {}, ["-scirpt: unknown option; did you mean --script?"]],
  [["--Port=80"], {}, ["--Port: unknown option; did you mean --port?"]],
  [["--no-singleflight"], {}, ["--no-singleflight: unknown option; did you mean --singleflight?"]],
  [["--frobnicate"], {}, ["--frobnicate: unknown option"]],
  [["--port", "80", "443"], { port: ["80"] }, [`${stray("443")}; repeat --port for each`]],
  [["-script", "a", "b"], { script: ["a"] }, [`${stray("b")}; repeat --script for each`]],
  [["--listener", ":80", ":81"], { listener: [":80"] }, [stray(":81")]],
  [["--__proto__", "x"], {}, ["--__proto__: unknown option"]],
  [["--constructor=x"], {}, ["--constructor: unknown option"]],
  [
    ["80", "--prot", "80", "--singleflight=x", "--port"],
    { singleflight: ["x"] },
    [
      `${stray("80")}; did you mean --port 80?`,
      "--prot: unknown option; did you mean --port?",
      "--port: expected a value (PORT), got none",
    ],
  ],
  [["--port", "80", "--", "81"], { port: ["80"] }, [stray("81")]],
] as const)("of %j all that is valid is read, and each problem has a line", async (argv, values, problems) => {
  expect(await parseDaemon(argv)).toEqual({ values, problems });
});

test.each([
  [["--config", "a.yaml", "-config=b.yaml"], '--config: expected once, got "a.yaml" and "b.yaml"'],
  [["--listener", ":80", "--listener", ":80"], '--listener: expected once, got ":80" and ":80"'],
  [["--deadline=1s", "--deadline=2s", "--deadline=3s"], '--deadline: expected once, got "1s", "2s" and 1 more'],
  [["--max-rounds=", "--max-rounds", "x"], '--max-rounds: expected once, got "" and "x"'],
  [["--config=http://u:pw@h/a", "--config", "u:pw@b"], '--config: expected once, got "http://***@h/a" and "***@b"'],
  [
    ["--config", "a\n\u202eb", "--config", "\u001b[2J"],
    '--config: expected once, got "a\\n\\u202eb" (it holds an invisible character, \\u202e) and "\\u001b[2J"',
  ],
  [["--singleflight", "--singleflight=false"], '--singleflight: expected once, got "true" and "false"'],
  [["-h", "--help=false", "-h"], '--help: expected once, got "true" and "false"'],
] as const)("%j gives an option twice, and the problem names both values", async (argv, problem) => {
  expect((await parseDaemon(argv)).problems).toEqual([problem]);
});

test("every option that takes a value may be given once, unless it is repeatable", async () => {
  for (const name of OPTION_NAMES) {
    const { value, repeatable } = optionDef(name);
    const argv = value === undefined ? [`--${name}`, `--${name}=true`] : [`--${name}`, "a", `--${name}=b`];
    const once = value !== undefined && !repeatable;
    const problems = once ? [`--${name}: expected once, got "a" and "b"`] : [];
    expect((await parseDaemon(argv)).problems).toEqual(problems);
  }
});

test("an option given twice is reported together with every other problem", async () => {
  const argv = [
    "--deadline",
    "1s",
    "--prot",
    "80",
    "--listener",
    ":1",
    "--deadline",
    "2s",
    "--listener",
    ":2",
    "--port",
  ];
  expect((await parseDaemon(argv)).problems).toEqual([
    "--prot: unknown option; did you mean --port?",
    "--port: expected a value (PORT), got none",
    '--deadline: expected once, got "1s" and "2s"',
    '--listener: expected once, got ":1" and ":2"',
  ]);
});

test("long values are shown whole, since two of them may differ only at their ends", async () => {
  const folder = `/${"a".repeat(80)}`;
  const { problems } = await parseDaemon(["--config", `${folder}/a`, "--config", `${folder}/b`]);
  expect(problems).toEqual([`--config: expected once, got "${folder}/a" and "${folder}/b"`]);
});

test("after an unknown option with its value, a further word is unexpected", async () => {
  const { problems } = await parseDaemon(["--unknown=1", "word"]);
  expect(problems).toEqual(["--unknown: unknown option", stray("word")]);
});

test("a word after -- is shown as it was given", async () => {
  const { problems } = await parseDaemon(["--", "-port"]);
  expect(problems).toEqual([stray("-port")]);
});

test.each([["-p=80"], ["-p80"], ["-p=80 x"]])(
  "the unknown option %s is one problem, not one for each letter",
  async (word) => {
    const { values, problems } = await parseDaemon([word]);
    expect(values).toEqual({});
    expect(problems).toHaveLength(1);
  },
);

test("-h=false does not turn on help", async () => {
  const { values } = await parseDaemon(["-h=false"]);
  expect(values["help"]?.at(-1)).not.toBe("true");
});

test("any words give values of known options and problems; never a throw", async () => {
  const names = OPTION_NAMES.flatMap((name) => [
    `--${name}`,
    `-${name}`,
    `--${name}=x`,
    `-${optionDef(name).short ?? "q"}`,
  ]);
  const word = fc.oneof(fc.constantFrom(...names, "--", "-", "80"), fc.string({ unit: "binary" }), fc.string());
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
      const { values, problems } = await parseDaemon(argv);
      const known = new Set<string>(OPTION_NAMES);
      expect(Object.keys(values).filter((name) => !known.has(name))).toEqual([]);
      for (const problem of problems) expect(problem).toMatch(/^([-"].*: |unexpected argument ")/s);
    }),
    { numRuns: 1000 },
  );
});

test("no problem spans two lines, whatever the words hold", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("-a\nb", "--x\ny=1", "a\nb", "--port", "-\n"), { maxLength: 4 }),
      async (argv) => {
        for (const problem of (await parseDaemon(argv)).problems) expect(problem).not.toContain("\n");
      },
    ),
  );
});
