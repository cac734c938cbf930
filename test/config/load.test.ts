// Loading gives complete and frozen options, or a line for every problem.

import { expect, test } from "bun:test";
import { hostname, networkInterfaces } from "node:os";
import type { RawValues } from "../../src/config/command-line.ts";
import { loadOptions } from "../../src/config/load.ts";
import { tempFolder } from "../support/temp.ts";

const plainCheck = { rise: 1, fall: 1, severity: "critical", intervalMs: undefined, secrets: [] } as const;

/** For comparison: the name of a kind in place of the kind. */
async function load(raw: RawValues, env: Readonly<Record<string, string>> = {}) {
  const options = await loadOptions(raw, env);
  if (!("listener" in options)) return options;
  return { ...options, checks: options.checks.map((check) => ({ ...check, kind: check.kind.name })) };
}

/** With `content` as the config file, which problems and warnings call hc.yaml. */
async function loadWith(content: string, raw: RawValues = {}, env: Readonly<Record<string, string>> = {}) {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", content);
  const options = await load({ ...raw, config: [file] }, env);
  const shorten = (lines: readonly string[]) => lines.map((line) => line.replaceAll(file, "hc.yaml"));
  if ("listener" in options) return { ...options, warnings: shorten(options.warnings) };
  return shorten(options);
}

async function checksOf(content: string, raw: RawValues = {}, env: Readonly<Record<string, string>> = {}) {
  const options = await loadWith(content, raw, env);
  if (!("listener" in options)) throw new Error(options.join("\n"));
  return options.checks;
}

test("with one port every other option has its default", async () => {
  expect(await load({ port: ["5432"] })).toEqual({
    listener: { family: "tcp", host: "0.0.0.0", port: 5000 },
    listenerIsDefault: true,
    checks: [
      {
        kind: "tcp",
        settings: { tcp: { family: "tcp", host: "127.0.0.1", port: 5432 } },
        name: "tcp 127.0.0.1:5432",
        timeoutMs: 5000,
        staleAfterMs: 5000,
        ...plainCheck,
      },
    ],
    endpoints: [],
    deadlineMs: 4500,
    deadlineIsDefault: true,
    singleflight: false,
    maxRounds: 16,
    maxConnections: undefined,
    failureStatus: 504,
    drainDelayMs: 0,
    controlSocket: undefined,
    stateDirectory: undefined,
    agentListener: undefined,
    logLevel: "info",
    logFormat: undefined,
    config: undefined,
    warnings: [],
  });
});

test("every option takes effect", async () => {
  const raw: RawValues = {
    listener: ["unix:/run/hc.sock"],
    port: ["1", "[::1]:2", "db:3", "unix:/x"],
    script: ["a 'b c'", "d"],
    "port-timeout": ["500ms"],
    "script-timeout": ["1m"],
    singleflight: ["true"],
    "max-rounds": ["1024"],
    "max-connections": ["1"],
    "failure-status": ["599"],
    "log-level": ["WARN"],
    "log-format": ["json"],
    deadline: ["3s"],
    "drain-delay": ["30s"],
    "control-socket": ["/run/hc/control.sock"],
    "state-directory": ["/var/lib/hc"],
    "agent-listener": ["127.0.0.1:5001"],
  };
  const options = await load(raw);
  expect(options).toMatchObject({
    listener: { family: "unix", path: "/run/hc.sock" },
    listenerIsDefault: false,
    singleflight: true,
    maxRounds: 1024,
    maxConnections: 1,
    failureStatus: 599,
    logLevel: "warn",
    logFormat: "json",
    deadlineMs: 3000,
    deadlineIsDefault: false,
    drainDelayMs: 30_000,
    controlSocket: "/run/hc/control.sock",
    stateDirectory: "/var/lib/hc",
    agentListener: { family: "tcp", host: "127.0.0.1", port: 5001 },
  });
  expect("listener" in options && options.checks.map(({ name, timeoutMs }) => [name, timeoutMs])).toEqual([
    ["tcp 127.0.0.1:1", 500],
    ["tcp [::1]:2", 500],
    ["tcp db:3", 500],
    ["tcp unix:/x", 500],
    ["script a 'b c'", 60_000],
    ["script d", 60_000],
  ]);
});

test("every text that was given for an option is read, and each problem is reported once", async () => {
  const raw: RawValues = { listener: ["bad", ":1", "bad"], singleflight: ["maybe", "true"], port: ["0", "0"] };
  expect(await load(raw)).toEqual([
    '--port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
    '--singleflight: expected true or false, got "maybe"',
    '--listener: expected HOST:PORT, :PORT or unix:/PATH, got "bad" (it has no colon)',
  ]);
});

test("the options name the config file and the hash of what was read", async () => {
  await using folder = await tempFolder();
  const content = "checks:\n  - tcp: 80\n";
  const file = await folder.write("hc.yaml", content);
  const startedAt = Date.now();
  const loaded = await load({ config: [file] });
  const { readAt = 0, ...config } = ("config" in loaded && loaded.config) || {};
  expect(config).toEqual({ file, sha256: new Bun.CryptoHasher("sha256").update(content).digest("hex") });
  expect(readAt).toBeWithin(startedAt, Date.now() + 1);
});

test("the command line wins over the file, and the file over the defaults", async () => {
  const content = `
listener: 127.0.0.1:6000
failure-status: 503
max-rounds: 3
log-level: debug
log-format: journal
singleflight: true
checks:
  - tcp: 80
`;
  const raw = { listener: [":7000"], singleflight: ["false"], "max-rounds": ["4"] };
  expect(await loadWith(content, raw)).toMatchObject({
    listener: { family: "tcp", host: "", port: 7000 },
    listenerIsDefault: false,
    failureStatus: 503,
    maxRounds: 4,
    logLevel: "debug",
    logFormat: "journal",
    singleflight: false,
    deadlineMs: 4500,
  });
  expect(await loadWith(content)).toMatchObject({
    listener: { family: "tcp", host: "127.0.0.1", port: 6000 },
    listenerIsDefault: false,
    maxRounds: 3,
    singleflight: true,
  });
});

test("--port and --script add to the file's checks, which come first", async () => {
  const content = `
port: [81, "82"]
script: ["/bin/a x", [/bin/b, "y z"]]
checks:
  - { name: one, tcp: 80 }
  - { script: /bin/c }
`;
  const checks = await checksOf(content, { port: ["83"], script: ["/bin/d"] });
  expect(checks.map(({ name }) => name)).toEqual([
    "one",
    "script /bin/c",
    "tcp 127.0.0.1:81",
    "tcp 127.0.0.1:82",
    "tcp 127.0.0.1:83",
    "script /bin/a x",
    "script /bin/b 'y z'",
    "script /bin/d",
  ]);
});

test("one port and one script in the file need no list", async () => {
  const checks = await checksOf("port: 81\nscript: /bin/a b\n");
  expect(checks.map(({ settings }) => settings)).toEqual([
    { tcp: { family: "tcp", host: "127.0.0.1", port: 81 } },
    { script: { text: "/bin/a b", argv: ["/bin/a", "b"] } },
  ]);
});

test.each([
  ["5 s where nothing is said", "", {}, [5000, 5000, 5000, 100]],
  ["the default of all", "defaults: { timeout: 2s }", {}, [2000, 2000, 2000, 100]],
  [
    "the kind's option in the file before that",
    "defaults: { timeout: 2s }\nport-timeout: 3",
    {},
    [3000, 2000, 2000, 100],
  ],
  ["and on the command line", "port-timeout: 3\nscript-timeout: 4", { "port-timeout": ["7"] }, [7000, 4000, 5000, 100]],
])("a check's timeout is its own, or %s", async (_, top, raw, expected) => {
  const content = `${top}
checks:
  - tcp: 80
  - script: /bin/a
  - http: http://127.0.0.1:1/
  - { tcp: 81, timeout: 100ms }
`;
  expect((await checksOf(content, raw)).map(({ timeoutMs }) => timeoutMs)).toEqual(expected);
});

test("defaults apply to the checks of the command line too", async () => {
  const content = "interval: 10s\ndefaults: { timeout: 2s, rise: 2, fall: 3, severity: warning, stale-after: 1m }\n";
  expect(await checksOf(content, { port: ["80"] })).toMatchObject([
    { timeoutMs: 2000, rise: 2, fall: 3, severity: "warning", intervalMs: 10_000, staleAfterMs: 60_000 },
  ]);
});

test("the keys of a check win over defaults", async () => {
  const content = `
interval: 10s
defaults: { timeout: 2s, rise: 2, fall: 3, severity: warning, stale-after: 1m }
checks:
  - { tcp: 80, timeout: 1s, rise: 1, fall: 1, severity: critical, stale-after: 30s, interval: 1s }
`;
  expect(await checksOf(content)).toMatchObject([
    { timeoutMs: 1000, rise: 1, fall: 1, severity: "critical", intervalMs: 1000, staleAfterMs: 30_000 },
  ]);
});

test.each([
  ["by default", "checks: [{ tcp: 80 }]", {}, 4500],
  ["a timeout as long as the default", "checks: [{ tcp: 80 }]", { "port-timeout": ["5"] }, 4500],
  ["a longer one of the command line", "port: 80", { script: ["true"], "script-timeout": ["10"] }, undefined],
  ["of ports, where there is none", "script: 'true'", { "port-timeout": ["10"] }, 4500],
  ["a longer one by default", "defaults: { timeout: 6s }\nchecks: [{ tcp: 80 }]", {}, undefined],
  ["a longer one of a check", "checks: [{ tcp: 80 }, { tcp: 81, timeout: 5001ms }]", {}, undefined],
  ["one that no answer waits for", "checks: [{ tcp: 80 }, { tcp: 81, timeout: 9s, severity: warning }]", {}, 4500],
  [
    "one that an endpoint waits for",
    "checks: [{ tcp: 80 }, { name: a, tcp: 81, timeout: 9s, severity: warning }]\nendpoints: { /a: [a] }",
    {},
    4500,
  ],
  ["one in the background", "checks: [{ tcp: 80 }, { tcp: 81, timeout: 9s, interval: 1m }]", {}, 4500],
  ["the deadline that was chosen", "deadline: 7s\nchecks: [{ tcp: 80, timeout: 9s }]", {}, 7000],
] as const)("the deadline: %s", async (_, content, raw, deadlineMs) => {
  const loaded = await loadWith(content, raw);
  expect(loaded).toMatchObject({ deadlineMs });
  const late = "warnings" in loaded ? loaded.warnings.filter((line) => line.includes("time out first")) : [];
  expect(late).toHaveLength(deadlineMs === undefined || content.includes("endpoints") ? 1 : 0);
});

const SLOW_ENDPOINTS = `
checks:
  - tcp: 80
  - { name: slow, tcp: 81, timeout: 10s, severity: endpoint }
  - { name: slower, tcp: 82, timeout: 20s, severity: warning }
  - { name: quick, tcp: 83 }
endpoints: { /quick: [quick], /slow: [quick, slow], /slower: [slow, slower], /slow-too: [slow] }
`;

test("each endpoint has a default deadline of its own, as the host has", async () => {
  const loaded = await loadWith(SLOW_ENDPOINTS);
  expect(loaded).toMatchObject({
    deadlineMs: 4500,
    endpoints: [
      { path: "/quick", deadlineMs: 4500 },
      { path: "/slow", deadlineMs: undefined },
      { path: "/slower", deadlineMs: undefined },
      { path: "/slow-too", deadlineMs: undefined },
    ],
  });
  const late = "warnings" in loaded ? loaded.warnings.filter((line) => line.includes("time out first")) : [];
  expect(late).toEqual([
    expect.stringContaining(
      "warning: a response for /slow and /slow-too may take 10s (the timeout of slow); by default",
    ),
    expect.stringContaining("warning: a response for /slower may take 20s (the timeout of slower); by default"),
  ]);
});

test("a critical check with a long timeout leaves the host without a deadline, and only the endpoints that name it", async () => {
  const content = `
checks: [{ name: slow, script: [a], timeout: 10s }, { name: b, tcp: 80 }]
endpoints: { /b: [b], /a: [slow, b] }
`;
  const loaded = await loadWith(content);
  expect(loaded).toMatchObject({ deadlineMs: undefined, endpoints: [{ deadlineMs: 4500 }, { deadlineMs: undefined }] });
  expect("warnings" in loaded && loaded.warnings.filter((line) => line.includes("time out first"))).toEqual([
    expect.stringContaining("warning: a response for the host and /a may take 10s (the timeout of slow); by default"),
  ]);
});

test("a deadline that was set applies to the host and to every endpoint", async () => {
  expect(await loadWith(SLOW_ENDPOINTS, { deadline: ["7s"] })).toMatchObject({
    deadlineMs: 7000,
    endpoints: Array(4).fill({ deadlineMs: 7000 }),
  });
});

test("with an interval a result is stale after three and the timeout, and a request has a deadline", async () => {
  const content = "checks:\n  - { tcp: 80, interval: 1s }\n  - { tcp: 81, timeout: 2s }\n";
  expect(await loadWith(content)).toMatchObject({ deadlineMs: 4500, checks: [{ staleAfterMs: 8000 }, {}] });
  expect(await loadWith(content, { interval: ["5s"], deadline: ["2s"] })).toMatchObject({
    deadlineMs: 2000,
    checks: [
      { intervalMs: 1000, staleAfterMs: 8000 },
      { intervalMs: 5000, staleAfterMs: 17_000 },
    ],
  });
});

test("a default name is the kind and the target, numbered where it is taken", async () => {
  const content = `
checks:
  - tcp: 80
  - tcp: 80
  - { name: "tcp 127.0.0.1:80 #3", tcp: 82 }
  - tcp: 80
`;
  const names = (await checksOf(content, { port: ["80"] })).map(({ name }) => name);
  expect(names).toEqual([
    "tcp 127.0.0.1:80",
    "tcp 127.0.0.1:80 #2",
    "tcp 127.0.0.1:80 #3",
    "tcp 127.0.0.1:80 #4",
    "tcp 127.0.0.1:80 #5",
  ]);
});

test("endpoints name checks of the file and of the command line", async () => {
  const content = `
checks:
  - { name: database, tcp: 5432 }
endpoints:
  /db: [database]
  /: ["tcp 127.0.0.1:80", database]
`;
  expect(await loadWith(content, { port: ["80"] })).toMatchObject({
    endpoints: [
      { path: "/db", checks: ["database"] },
      { path: "/", checks: ["tcp 127.0.0.1:80", "database"] },
    ],
  });
  expect(await loadWith(content)).toEqual([
    'hc.yaml:6:7: endpoints./[0]: expected the name of a check, got "tcp 127.0.0.1:80"',
  ]);
});

test("a slash at the end of an endpoint's path is not part of it", async () => {
  const content =
    "port: 80\nendpoints:\n  /web/: [tcp 127.0.0.1:80]\n  /a/b: [tcp 127.0.0.1:80]\n  /: [tcp 127.0.0.1:80]\n";
  expect(await loadWith(content)).toMatchObject({ endpoints: [{ path: "/web" }, { path: "/a/b" }, { path: "/" }] });
});

test("a check decides the host unless it or defaults says otherwise", async () => {
  const content = "defaults: { severity: endpoint }\nchecks:\n  - tcp: 80\n  - { tcp: 81, severity: critical }\n";
  expect(await checksOf(content)).toMatchObject([{ severity: "endpoint" }, { severity: "critical" }]);
  expect(
    await checksOf("checks: [tcp: 80, { tcp: 81, severity: warning }, { tcp: 82, severity: endpoint }]"),
  ).toMatchObject([{ severity: "critical" }, { severity: "warning" }, { severity: "endpoint" }]);
});

test("placeholders in values are filled in, and $${ is a literal ${", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("token", "from a file\r\n");
  const content = `
checks:
  - script: [/bin/a, "\${file:${file}}", "<\${env:TOKEN}\${env:TOKEN}>", "$\${env:TOKEN}", "\${TOKEN} \${env:-x}"]
  - { tcp: "\${env:HOST}:80", severity: "\${env:EMPTY}warning" }
`;
  const [script, tcp] = await checksOf(content, {}, { TOKEN: "from the env", HOST: "h.internal", EMPTY: "" });
  expect(script?.settings).toMatchObject({
    script: { argv: ["/bin/a", "from a file", "<from the envfrom the env>", `\${env:TOKEN}`, `\${TOKEN} \${env:-x}`] },
  });
  expect(tcp?.settings).toMatchObject({ tcp: { family: "tcp", host: "h.internal", port: 80 } });
  expect([...(tcp?.secrets ?? [])].sort()).toEqual(["from a file", "from the env", "h.internal"]);
  // A name is shown, so it may hold no secret.
  expect(script?.name).not.toContain("from");
  expect(tcp?.name).toBe("tcp ***:80");
});

test("the name of a script has *** in the place of its secrets alone", async () => {
  const content = `
checks:
  - script: /bin/a --password word
  - { script: /bin/b own --token x, env: { TOKEN: own-token } }
  - { script: [sh, -c, "TOKEN=s3cret; echo s3cret"] }
`;
  const names = (await checksOf(content)).map(({ name }) => name);
  expect(names).toEqual([
    "script /bin/a --password ***",
    "script /bin/b own --token ***",
    "script sh -c 'TOKEN=***; echo ***'",
  ]);
});

test("a number stays as written where its digits matter", async () => {
  const content = `
checks:
  - { name: 007, tcp: 80 }
  - { name: 1.10, tcp: 81 }
  - { name: 12345678901234567890, tcp: 082 }
  - { name: 5, tcp: 83, timeout: 1.50 }
  - { http: "http://h:1/", json: { /n: 1.10 } }
`;
  const checks = await checksOf(content);
  expect(checks.slice(0, 4).map(({ name }) => name)).toEqual(["007", "1.10", "12345678901234567890", "5"]);
  expect(checks.map(({ timeoutMs }) => timeoutMs)).toEqual([5000, 5000, 5000, 1500, 5000]);
  expect(JSON.stringify(checks[4]?.settings)).toContain("1.1");
  expect(JSON.stringify(checks[4]?.settings)).not.toContain("1.10");
});

test("an alias repeats the value of its anchor", async () => {
  const content = `
checks:
  - &web { tcp: &port 80, timeout: &short 1s }
  - *web
  - { script: /bin/a, timeout: *short }
`;
  expect((await checksOf(content)).map(({ name, timeoutMs }) => [name, timeoutMs])).toEqual([
    ["tcp 127.0.0.1:80", 1000],
    ["tcp 127.0.0.1:80 #2", 1000],
    ["script /bin/a", 1000],
  ]);
});

test("JSON is a config file too", async () => {
  expect(await checksOf('{"checks": [{"tcp": 5432}]}')).toMatchObject([{ name: "tcp 127.0.0.1:5432" }]);
});

const SELF = "expected an address other than the daemon's own health listener, got";

/** Addresses of this host other than the loopback. */
const own = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, family }) => !internal && family === "IPv4")
  .map(({ address }) => address);

test.each([
  ["0.0.0.0:5000", "localhost:5000"],
  ["0.0.0.0:5000", "LOCALHOST.:5000"],
  ["0.0.0.0:5000", "127.0.0.1:5000"],
  ["0.0.0.0:5000", "127.8.8.8:5000"],
  ["0.0.0.0:5000", "[::1]:5000"],
  ["0.0.0.0:5000", "[0:0::1]:5000"],
  ["0.0.0.0:5000", "[::ffff:127.0.0.1]:5000"],
  ["0.0.0.0:5000", "0.0.0.0:5000"],
  ["0.0.0.0:5000", `${hostname()}:5000`],
  ...own.map((address) => ["0.0.0.0:5000", `${address}:5000`] as const),
  ...own.map((address) => [`${address}:5000`, `${address}:5000`] as const),
  [":5000", "localhost:5000"],
  ["[::]:5000", "localhost:5000"],
  ["localhost:5000", "127.0.0.1:5000"],
  ["127.0.0.1:5000", "localhost:5000"],
  ["[::1]:5000", "localhost:5000"],
  ["127.0.0.1:80", "127.0.0.1"],
] as const)("a check by a daemon on %s may not request http://%s/", async (listener, asked) => {
  const problems = await loadWith(`checks:\n  - http: "http://${asked}/x"\n`, { listener: [listener] });
  expect(problems).toEqual([`hc.yaml:2:11: checks[0].http: ${SELF} "http://${asked}/x"`]);
});

test.each([
  ["0.0.0.0:5000", "localhost:5001"],
  ["0.0.0.0:5000", "other.internal:5000"],
  ["0.0.0.0:5000", "192.0.2.1:5000"],
  ["127.0.0.1:5000", "127.0.0.2:5000"],
  ["127.0.0.1:5000", "[::1]:5000"],
  ["unix:/run/hc.sock", "localhost:5000"],
])("a check by a daemon on %s may request http://%s/", async (listener, asked) => {
  expect(await loadWith(`checks:\n  - http: "http://${asked}/"\n`, { listener: [listener] })).toHaveProperty(
    "listener",
  );
});

test("a check may not request the daemon's own socket, and may request another", async () => {
  const content = (path: string) => `checks:\n  - { http: "http://x/", unix: ${path} }\n`;
  const raw = { listener: ["unix:/run/hc.sock"] };
  expect(await loadWith(content("/run/hc.sock"), raw)).toEqual([`hc.yaml:2:13: checks[0].http: ${SELF} "http://x/"`]);
  expect(await loadWith(content("/run/app.sock"), raw)).toHaveProperty("listener");
});

test("a connection alone starts no round, so the daemon's own port may be a tcp check", async () => {
  expect(await loadWith("checks:\n  - tcp: 5000\n")).toHaveProperty("listener");
});

test("a problem that follows from another one is not reported", async () => {
  const content = "interval: often\ndefaults: { rise: 2 }\nchecks:\n  - { tcp: 80, fall: 2 }\n";
  expect(await loadWith(content)).toEqual([
    'hc.yaml:1:11: interval: expected a duration such as 5, 500ms, 10s or 1m30s, got "often"',
  ]);
  expect(await loadWith("checks:\n  - { tcp: 80, rise: 2 }\n", { interval: ["often"] })).toHaveLength(1);
  expect(await loadWith('checks:\n  - http: "http://127.0.0.1:5000/"\n', { listener: ["x"] })).toHaveLength(1);
  expect(await loadWith('checks:\n  - tcp: 0\nendpoints:\n  /a: ["tcp 127.0.0.1:0"]\n')).toHaveLength(1);
});

test("with an interval on the command line rise and fall are valid", async () => {
  const content = "checks:\n  - { tcp: 80, rise: 2, fall: 3, stale-after: 1m }\n";
  expect(await loadWith(content)).toHaveLength(3);
  expect(await checksOf(content, { interval: ["5s"] })).toMatchObject([{ rise: 2, fall: 3, staleAfterMs: 60_000 }]);
});

test("a config option that is empty is one problem", async () => {
  expect(await load({ config: [""] })).toEqual(['--config: expected the path of a file, got ""']);
});

test("a file name with a line end is quoted", async () => {
  expect(await load({ config: ["/nonexistent/a\nb"] })).toEqual(['cannot read "/nonexistent/a\\nb": no such file']);
});

test("a thousand checks are read", async () => {
  const checks = Array.from({ length: 1000 }, (_, index) => {
    const kind = index % 2 === 0 ? `tcp: "10.0.0.1:${index + 1}"` : `http: "http://db${index}.internal/"`;
    return `  - { name: check-${index}, ${kind}, timeout: 2s, rise: 2, severity: ${index % 3 ? "warning" : "critical"} }`;
  });
  const content = `interval: 10s\nchecks:\n${checks.join("\n")}\n`;
  expect(await checksOf(content)).toHaveLength(1000);
});

test("options are frozen", async () => {
  const options = await loadOptions({ port: ["1"] });
  expect(Object.isFrozen(options)).toBe(true);
  expect("listener" in options && Object.isFrozen(options.checks) && Object.isFrozen(options.checks[0])).toBe(true);
});

test.each(["panic", "fatal", "error", "warning", "warn", "info", "debug", "trace", "Info", "ERROR"])(
  "the log level %s is valid",
  async (level) => {
    expect(await load({ port: ["1"], "log-level": [level] })).toMatchObject({ logLevel: level.toLowerCase() });
  },
);

test.each([":5000", "localhost:0", "[::]:80", "0.0.0.0:65535"])("%s is a valid listener", async (listener) => {
  expect(await load({ port: ["1"], listener: [listener] })).toHaveProperty("listener");
});

const PORT = "--port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got";
const DURATION = "expected a duration such as 5, 500ms, 10s or 1m30s, got";
const LEVEL = "--log-level: expected one of panic, fatal, error, warning, info, debug, got";
const LISTENER = "--listener: expected HOST:PORT, :PORT or unix:/PATH, got";
const OPEN_QUOTE = "--script: expected a command whose quotes are closed and which does not end in a backslash, got";

test.each([
  [{ port: ["0"] }, `${PORT} "0"`],
  [{ port: ["-1"] }, `${PORT} "-1"`],
  [{ port: ["70000"] }, `${PORT} "70000"`],
  [{ port: ["000000080"] }, `${PORT} "000000080"`],
  [{ port: [""] }, `${PORT} "" (it has no colon)`],
  [{ port: ["http"] }, `${PORT} "http" (it has no colon)`],
  [{ port: [":80"] }, `${PORT} ":80" (it has no host before the colon)`],
  [{ port: ["::1:80"] }, `${PORT} "::1:80" (an IPv6 address needs brackets, as in [::1]:5432)`],
  [{ port: ["db:0"] }, `${PORT} "db:0" (its port is not a number from 1 to 65535)`],
  [{ script: ["a 'b"] }, `${OPEN_QUOTE} "a 'b"`],
  [{ script: ["a\\"] }, `${OPEN_QUOTE} "a\\\\"`],
  [{ script: [""] }, '--script: expected a command, got ""'],
  [{ script: ["''"] }, "--script: expected a command whose first word is not empty, got \"''\""],
  [
    { script: ["x $'y'"] },
    "--script: expected a command without $'…' or $\"…\", since nothing is expanded, got \"x $'y'\"",
  ],
  [{ port: ["1"], "script-timeout": ["0"] }, '--script-timeout: expected a duration above zero, got "0"'],
  [{ port: ["1"], "script-timeout": ["-1"] }, `--script-timeout: ${DURATION} "-1"`],
  [{ port: ["1"], "port-timeout": ["0ms"] }, '--port-timeout: expected a duration above zero, got "0ms"'],
  [{ port: ["1"], "port-timeout": ["5 s"] }, `--port-timeout: ${DURATION} "5 s"`],
  [{ port: ["1"], "port-timeout": [""] }, `--port-timeout: ${DURATION} ""`],
  [{ port: ["1"], "port-timeout": ["25h"] }, '--port-timeout: expected at most 24h, got "25h"'],
  [
    { port: ["1"], "port-timeout": ["9".repeat(400)] },
    `--port-timeout: expected at most 24h, got "${"9".repeat(400)}"`,
  ],
  [{ port: ["1"], listener: ["1234"] }, `${LISTENER} "1234" (it has no colon)`],
  [{ port: ["1"], listener: ["host:70000"] }, `${LISTENER} "host:70000" (its port is not a number from 0 to 65535)`],
  [{ port: ["1"], listener: ["unix:x"] }, `${LISTENER} "unix:x" (the path after unix: must begin with a slash)`],
  [{ port: ["1"], "max-rounds": ["0"] }, '--max-rounds: expected a whole number from 1 to 1024, got "0"'],
  [{ port: ["1"], "max-rounds": ["1025"] }, '--max-rounds: expected a whole number from 1 to 1024, got "1025"'],
  [{ port: ["1"], "max-rounds": ["1.5"] }, '--max-rounds: expected a whole number from 1 to 1024, got "1.5"'],
  [{ port: ["1"], "max-connections": ["0"] }, '--max-connections: expected a whole number from 1 to 524288, got "0"'],
  [{ port: ["1"], "max-rounds": [""] }, '--max-rounds: expected a whole number from 1 to 1024, got ""'],
  [{ port: ["1"], "failure-status": ["200"] }, '--failure-status: expected a whole number from 400 to 599, got "200"'],
  [{ port: ["1"], "failure-status": ["600"] }, '--failure-status: expected a whole number from 400 to 599, got "600"'],
  [{ port: ["1"], "failure-status": ["5e2"] }, '--failure-status: expected a whole number from 400 to 599, got "5e2"'],
  [{ port: ["1"], "log-level": ["loud"] }, `${LEVEL} "loud"`],
  [{ port: ["1"], "log-level": ["constructor"] }, `${LEVEL} "constructor"`],
  [{ port: ["1"], "log-format": ["xml"] }, '--log-format: expected one of text, json, journal, got "xml"'],
  [{ port: ["1"], interval: ["99ms"] }, '--interval: expected an interval of at least 100ms, got "99ms"'],
  [{ port: ["1"], deadline: ["0"] }, '--deadline: expected a duration above zero, got "0"'],
  [{ port: ["1"], singleflight: ["maybe"] }, '--singleflight: expected true or false, got "maybe"'],
  [{ port: ["1"], singleflight: [""] }, '--singleflight: expected true or false, got ""'],
  [{ port: ["redis://:pw@h"] }, `${PORT} "redis://***@h" (it is a URL; write only the host and the port)`],
  [{}, "nothing to check: give --port, --script or a --config file with checks"],
] satisfies [RawValues, string][])("%j is refused", async (raw, problem) => {
  expect(await load(raw)).toEqual([problem]);
});

test("all problems are reported together", async () => {
  const raw: RawValues = {
    port: ["0", "80", "x"],
    script: ["'"],
    "script-timeout": ["0"],
    "port-timeout": ["x"],
    listener: ["1234"],
    "log-level": ["loud"],
    "max-rounds": ["-1"],
    "failure-status": ["200"],
  };
  const problems = await load(raw);
  expect([...(problems as readonly string[])].sort()).toEqual(
    [
      `${PORT} "0"`,
      `${PORT} "x" (it has no colon)`,
      `${OPEN_QUOTE} "'"`,
      '--script-timeout: expected a duration above zero, got "0"',
      `--port-timeout: ${DURATION} "x"`,
      `${LISTENER} "1234" (it has no colon)`,
      `${LEVEL} "loud"`,
      '--max-rounds: expected a whole number from 1 to 1024, got "-1"',
      '--failure-status: expected a whole number from 400 to 599, got "200"',
    ].sort(),
  );
});

test("a problem is one line, whatever was given", async () => {
  const problems = await load({ port: ["a\nb:80"], script: ["'\n"], listener: ["\u2028"] });
  for (const problem of problems as readonly string[]) expect(problem).not.toMatch(/\n/);
});
