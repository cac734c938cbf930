// Any bytes of a config file give options, or problems of one line each. Loading never throws and never shows a secret.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { buildCheck } from "../../src/checks/build.ts";
import { loadOptions, type Options } from "../../src/config/load.ts";
import * as fc from "../support/properties.ts";
import { tempFolder } from "../support/temp.ts";

const TESTDATA = join(import.meta.dir, "../testdata/config");

const bytesOf = (folder: string) =>
  Array.fromAsync(new Bun.Glob("*.yaml").scan({ cwd: join(TESTDATA, folder), absolute: true })).then((files) =>
    Promise.all(files.sort().map((file) => Bun.file(file).bytes())),
  );

const GOOD = await bytesOf("good");
const BAD = await bytesOf("bad");

/** Distinct and long enough to search for; each is in a file, in the environment, or in the config file. */
const SECRETS = { HOST: "s3cr3t-host.internal", TOKEN: "s3cr3t-token", PW: "s3cr3t pw/@:?#", WORD: "s3cr3t wörd" };
const MARK = /s3cr3t/;

async function load(content: Uint8Array | string): Promise<Options | readonly string[]> {
  await using folder = await tempFolder();
  const file = join(folder.path, "hc.yaml");
  await Bun.write(file, content);
  return loadOptions({ config: [file] }, SECRETS);
}

/** Everything of a configuration that users see. */
function shownOf(options: Options | readonly string[]): readonly string[] {
  if (!("listener" in options)) return options;
  const checks = options.checks.map((config) => buildCheck(config, { env: {}, onOrphan: () => {} }));
  return [...options.warnings, ...checks.flatMap(({ name, target }) => [name, target])];
}

async function expectGood(content: Uint8Array | string) {
  const options = await load(content);
  const shown = shownOf(options);
  expect("listener" in options || shown.length > 0).toBe(true);
  for (const line of shown) {
    expect(line).not.toMatch(MARK);
  }
  const lines = "listener" in options ? options.checks.map(({ name }) => name) : shown;
  for (const line of lines) expect(line).not.toMatch(/\p{Cc}/u);
}

const piece = fc.constantFrom(
  ...[
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    '"',
    "#",
    "&a ",
    "*a",
    "!x ",
    "|",
    ">",
    "---\n",
    "\t",
    "\0",
  ],
  ...[
    "<<: ",
    "__proto__: ",
    "null",
    "~",
    "true",
    "0",
    "-1",
    "1e9",
    ".nan",
    "99999999999999999999",
    "\u2028",
    "é",
    "\ufeff",
  ],
  ...[
    "tcp: ",
    "http: ",
    "script: ",
    "checks: ",
    "name: ",
    "timeout: ",
    "defaults: ",
    "endpoints: ",
    "/x: ",
    "interval: 5s\n",
  ],
  `\${env:TOKEN}`,
  `\${env:NONE}`,
  `\${file:/none}`,
  `$\${`,
);

/** A few deletions and insertions at random offsets. */
const mutations = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.nat(12),
    put: fc.array(piece, { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 5 },
);

function mutate(bytes: Uint8Array, changes: readonly { at: number; drop: number; put: readonly string[] }[]) {
  let content = Buffer.from(bytes);
  for (const { at, drop, put } of changes) {
    const offset = Math.floor(at * content.length);
    content = Buffer.concat([content.subarray(0, offset), Buffer.from(put.join("")), content.subarray(offset + drop)]);
  }
  return content;
}

test("any bytes give options or problems", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), (bytes) => expectGood(bytes)),
    { numRuns: 500 },
  );
}, 60_000);

test("any text of the parts of YAML gives options or problems", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 40 }), (pieces) => expectGood(pieces.join(""))),
    { numRuns: 1000 },
  );
}, 60_000);

test("any mutation of a good file gives options or problems", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...GOOD), mutations, (bytes, changes) => expectGood(mutate(bytes, changes))),
    { numRuns: 1500 },
  );
}, 60_000);

test("any mutation of a bad file gives options or problems", async () => {
  const small = BAD.filter(({ byteLength }) => byteLength < 10_000);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...small), mutations, (bytes, changes) => expectGood(mutate(bytes, changes))),
    { numRuns: 1000 },
  );
}, 60_000);

test("any JSON gives options or problems", async () => {
  const key = fc.constantFrom(
    "checks",
    "endpoints",
    "defaults",
    "tcp",
    "http",
    "name",
    "tls",
    "timeout",
    "/x",
    "port",
    "constructor",
  );
  const value = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, true, 0, 80, -1, 1.5, "", "5s", "x", `\${env:TOKEN}`),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
    ),
  })).tree;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(key, value, { maxKeys: 5 }), (root) => expectGood(JSON.stringify(root))),
    { numRuns: 1000 },
  );
}, 60_000);

/** Places of a secret §, valid or not, in a check or at the top of the file. */
const PLACES: readonly string[] = [
  'checks: [{ tcp: "§:80" }]',
  'checks: [{ tcp: "§" }]',
  'checks: [{ tcp: 80, send: "§", expect: "§" }]',
  'checks: [{ tcp: 80, send: "§", expect: "/(§/" }]',
  'checks: [{ tcp: 80, tls: { server-name: "§", ca: "§" } }]',
  'checks: [{ udp: 53, send: "§", expect: ["§"] }]',
  'checks: [{ http: "http://127.0.0.1:1/§" }]',
  'checks: [{ http: "http://u:§@127.0.0.1:1/" }]',
  'checks: [{ http: "http://u:p@127.0.0.1:1/?t=§", status: "§" }]',
  'checks: [{ http: "http://127.0.0.1:5000/?§" }]',
  'checks: [{ http: "http://127.0.0.1:1/", headers: { Authorization: "§" }, body: "§", host: "§" }]',
  'checks: [{ http: "http://127.0.0.1:1/", headers: { "Bad Name": "§" } }]',
  'checks: [{ http: "http://127.0.0.1:1/", headers: "§", method: "§" }]',
  'checks: [{ http: "http://127.0.0.1:1/", json: { /a: "§" }, unix: "/run/§" }]',
  'checks: [{ script: "curl -H §" }]',
  'checks: [{ script: [curl, "§"], cwd: "/§", env: { A: "§" } }]',
  'checks: [{ script: "curl \'§" }]',
  'checks: [{ postgres: "postgres://app:§@127.0.0.1/app" }]',
  'checks: [{ postgres: "postgres://app:§@127.0.0.1:x/app" }]',
  'checks: [{ postgres: "postgres://app@127.0.0.1/app", password: "§", query: "§", expect: "§" }]',
  'checks: [{ postgres: "postgres://app:p@127.0.0.1/app", password: "§" }]',
  'checks: [{ mysql: "mysql://app:§@db.internal/app" }]',
  'checks: [{ mysql: "mysql:/app:§@127.0.0.1/app", password: ["§"] }]',
  'checks: [{ redis: "redis://:§@db.internal/" }]',
  'checks: [{ redis: ":§@127.0.0.1" }]',
  'checks: [{ redis: "redis://127.0.0.1", query: "GET §", password: "§" }]',
  'checks: [{ dns: "§", resolver: "§", expect: "§" }]',
  'checks: [{ certificate: "§:443", server-name: "§", min-days: "§" }]',
  'checks: [{ file: "/run/§", expect: "§" }]',
  'checks: [{ file: "/run/§", absent: true, expect: "§" }]',
  'checks: [{ disk: "/§", min-free: "§" }]',
  'checks: [{ process: "§", min: "§" }]',
  'checks: [{ systemd: "§" }]',
  'checks: [{ tcp: 80, name: "§", timeout: "§", rise: "§", severity: "§" }]',
  'checks: [{ tcp: 80 }]\nendpoints: { /x: ["§"] }',
  'checks: [{ "§": 1 }, "§", ["§"]]\ndefaults: "§"',
  'listener: "§"\nport: ["§"]\nscript: "a \'§"\nlog-level: "§"\ndeadline: "§"',
  'listener: "unix:/§"\nport: 80\nsingleflight: "§"\nfailure-status: "§"\ndefaults: { timeout: "§" }',
];

test.each(PLACES)("a secret does not show in the problems of %s", async (place) => {
  await using folder = await tempFolder();
  const files = await Promise.all(Object.entries(SECRETS).map(([name, secret]) => folder.write(name, `${secret}\n`)));
  for (const file of files) await expectGood(place.replaceAll("§", `\${file:${file}}`));
  for (const name of Object.keys(SECRETS)) await expectGood(place.replaceAll("§", `\${env:${name}}`));
  // Also as part of a longer value.
  for (const name of Object.keys(SECRETS)) await expectGood(place.replaceAll("§", `x\${env:${name}}y`));
});

test.each([
  "postgres: postgres://app:s3cr3t@db.internal/app",
  "postgres: postgres://app:s3cr3t@db.internal:x/app",
  "postgres: postgres://app:s3c@r3t s3cr3t@db.internal/app",
  "mysql: mysql://app:s3cr3t@127.0.0.1:99999/app",
  "redis: redis://:s3cr3t/s3cr3t@127.0.0.1/",
  "redis: app:s3cr3t@127.0.0.1",
  "http: http://app:s3cr3t@127.0.0.1:1/",
  "http: http://app:s3cr3t@127.0.0.1:5000/",
  "http: ftp://app:s3cr3t@127.0.0.1/?x",
  "http: http://app:s3cr3t@db internal/?token=s3cr3t",
  "{ http: http://127.0.0.1:1/, headers: { X-Token: s3cr3t } }",
  "{ http: http://127.0.0.1:1/, headers: { X Token: s3cr3t } }",
  '{ http: "http://127.0.0.1:1/", headers: { X-Token: "s3cr3t\\n" } }',
  "{ http: http://127.0.0.1:1/, headers: [s3cr3t] }",
  "{ http: http://127.0.0.1:1/, headers: s3cr3t }",
  "{ postgres: postgres://app@127.0.0.1/app, password: s3cr3t }",
  "{ postgres: postgres://app:x@127.0.0.1/app, password: s3cr3t }",
  "{ redis: redis://127.0.0.1, password: { x: s3cr3t } }",
  "{ redis: redis://127.0.0.1, password: !s3cr3t }",
  "{ redis: redis://127.0.0.1, password: *s3cr3t }",
  "{ redis: redis://127.0.0.1, password: @s3cr3t }",
])("a password in the file itself does not show: %s", async (check) => {
  await expectGood(`checks:\n  - ${check}\n`);
});
