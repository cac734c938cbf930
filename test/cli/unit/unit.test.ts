// unit prints a unit that starts the daemon with the given options, in a sandbox that fits them, or all their problems.

import { expect, test } from "bun:test";
import { chmod, lstat, readdir, stat, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { loadOptionsFor } from "../../../src/cli/load-options.ts";
import { parse } from "../../../src/cli/parse.ts";
import { renderUnit } from "../../../src/cli/unit/render.ts";
import type { RawValues } from "../../../src/config/command-line.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { version } from "../../../src/text/version.ts";
import { problemsOf, refusal, runCommand } from "../../support/command.ts";
import { needs } from "../../support/needs.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";
import { commandOf, readUnitFile } from "../../support/unit-file.ts";

const DATA = join(import.meta.dir, "../../testdata/unit");
const DEFAULT_SOCKET = "/run/health-checker/control.sock";

async function unit(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { out, err, status } = await runCommand(["unit", ...argv], env);
  if (status !== 0) throw new Error(err.join("\n"));
  return { text: out, warnings: err };
}

/** The arguments of the daemon. */
async function wordsOf(...argv: readonly string[]): Promise<readonly string[]> {
  const [value = ""] = readUnitFile((await unit(argv)).text).get("Service.ExecStart") ?? [];
  const [program, ...words] = commandOf(value);
  expect(program).toBe("/usr/local/bin/health-checker");
  return words;
}

/** As on a host with the program and the config file installed. */
async function renderFor(raw: RawValues, configFile?: string, program = "/usr/local/bin/health-checker") {
  const options = await loadOptions(raw);
  if (!("listener" in options)) throw new Error(options.join("\n"));
  const words = configFile === undefined ? [] : ["--config", configFile];
  const rest = Object.entries(raw).flatMap(([name, texts = []]) =>
    name === "config" ? [] : texts.flatMap((text) => [`--${name}`, text]),
  );
  const secrets = { files: [], variables: [] };
  return renderUnit({ options, words: [...words, ...rest], program, configFile, secrets });
}

const UNITS: Readonly<Record<string, { readonly raw: RawValues; readonly configFile?: string }>> = {
  ports: { raw: { port: ["5432", "10.0.0.9:8080"], "port-timeout": ["2s"] } },
  scripts: {
    raw: {
      script: ['/usr/local/bin/check disk.sh --min 5% "$x"', "/usr/bin/true"],
      "drain-delay": ["30s"],
      "max-rounds": ["4"],
    },
  },
  "low-port": { raw: { port: ["1"], listener: ["0.0.0.0:80"], "control-socket": ["/run/health-checker/other.sock"] } },
  kinds: { raw: { config: [join(DATA, "kinds.yaml")] }, configFile: "/etc/health-checker/config.yaml" },
};

for (const [name, { raw, configFile }] of Object.entries(UNITS)) {
  test(`the unit for ${name} is that of testdata/unit/${name}.service`, async () => {
    const expected = await Bun.file(join(DATA, `${name}.service`)).text();
    const text = await renderFor(raw, configFile);
    expect(`${text}\n`.replace(`\` v${version} `, "` vVERSION ")).toBe(expected);
  });
}

const withAnalyze = await needs("systemd-analyze");

/** Writes the unit under its own name, with a program that exists. */
async function write(folder: TempFolder, { raw, configFile }: (typeof UNITS)[string]): Promise<string> {
  return folder.write("health-checker.service", await renderFor(raw, configFile, "/bin/true"));
}

async function analyze(...words: readonly string[]): Promise<{ readonly exitCode: number; readonly said: string }> {
  const child = Bun.spawn(["systemd-analyze", ...words], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { exitCode: await child.exited, said: out + err };
}

for (const [name, source] of Object.entries(UNITS)) {
  withAnalyze(
    `systemd finds nothing wrong with the unit for ${name}`,
    async () => {
      await using folder = await tempFolder();
      const file = await write(folder, source);
      expect(await analyze("verify", "--man=no", file)).toEqual({ exitCode: 0, said: "" });
    },
    20_000,
  );
}

/** In tenths. The exposure that systemd computes rises with each relaxed directive; kinds.yaml relaxes all. */
const EXPOSURE: Readonly<Record<keyof typeof UNITS, number>> = { ports: 20, scripts: 35, "low-port": 20, kinds: 30 };

for (const [name, most] of Object.entries(EXPOSURE)) {
  withAnalyze(
    `the unit for ${name} is exposed by ${most / 10} at most, as systemd counts`,
    async () => {
      const source = UNITS[name];
      if (!source) throw new Error(name);
      await using folder = await tempFolder();
      const file = await write(folder, source);
      const { exitCode, said } = await analyze("security", "--offline=yes", "--no-pager", `--threshold=${most}`, file);
      expect({ exitCode, overall: said.match(/Overall exposure level.*/)?.[0] }).toEqual({
        exitCode: 0,
        overall: expect.stringContaining("health-checker.service"),
      });
    },
    20_000,
  );
}

test("the options reach the daemon, in whatever form they were given", async () => {
  const script = "/bin/sh -c 'echo \"50% of $HOME\\n\"; exit 0'";
  expect(
    await wordsOf("-port", "80", "--port=[::1]:81", "-script", script, "--singleflight=false", "-deadline=4s"),
  ).toEqual([
    ...["--port", "80", "--port", "[::1]:81", "--script", script, "--singleflight=false", "--deadline", "4s"],
    ...["--control-socket", DEFAULT_SOCKET],
  ]);
  expect(await wordsOf("--port", "1", "--singleflight", "--singleflight=true", "--listener", ":2000")).toEqual([
    ...["--port", "1", "--singleflight", "--listener", ":2000"],
    ...["--control-socket", DEFAULT_SOCKET],
  ]);
  // As a separate word it would be read as an option.
  expect(await wordsOf("--script=-port 80", "--port=1")).toContain("--script=-port 80");
});

test("the daemon reads the same options from the unit", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "interval: 10s\nchecks: [{ tcp: 1 }]\n");
  const argv = [
    "--config",
    file,
    "--script",
    "true 'a  b' \"$x\" %n é",
    "--port",
    "9",
    "--singleflight",
    "--fall",
    "2",
  ];
  const given = argv.slice(0, -2);
  const words = await wordsOf(...given);
  const read = async (argv: readonly string[]) => {
    const parsed = await parse(argv, { options: OPTIONS, commands: async () => [] });
    const options = await loadOptionsFor(parsed, {});
    if (!("listener" in options)) throw new Error(options.join("\n"));
    // Each reads the file at a time of its own.
    return JSON.stringify(options, (key, value) => (key === "readAt" ? undefined : value));
  };
  expect(await read(words)).toBe(await read([...given, "--control-socket", DEFAULT_SOCKET]));
});

test("a relative config file becomes an absolute one, since systemd starts the daemon in /", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "checks: [{ tcp: 1 }]\n");
  expect(await wordsOf("--config", relative(process.cwd(), file))).toEqual([
    ...["--config", file, "--control-socket", DEFAULT_SOCKET],
  ]);
});

test("reload uses the socket of the options, in the file or on the command line", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "control-socket: /run/a.sock\nchecks: [{ tcp: 1 }]\n");
  const reload = async (...argv: readonly string[]) => {
    const unitFile = readUnitFile((await unit(argv)).text);
    return { start: unitFile.get("Service.ExecStart"), reload: unitFile.get("Service.ExecReload") };
  };
  const program = "/usr/local/bin/health-checker";
  expect(await reload("--config", file)).toEqual({
    start: [`${program} --config ${file}`],
    reload: [`${program} reload --control-socket /run/a.sock`],
  });
  expect(await reload("--config", file, "--control-socket", "/run/health checker/100%.sock")).toEqual({
    start: [`${program} --config ${file} --control-socket "/run/health checker/100%%.sock"`],
    reload: [`${program} reload --control-socket "/run/health checker/100%%.sock"`],
  });
});

test("all problems of the options are reported, and no unit is printed", async () => {
  expect(await runCommand(["unit", "--port", "0", "--lisener", ":1"])).toEqual(
    refusal(
      [
        "health-checker: --lisener: unknown option; did you mean --listener?",
        expect.stringContaining("health-checker: --port: expected"),
      ],
      "unit",
    ),
  );
  expect(await problemsOf(["unit"])).toEqual([expect.stringContaining("nothing to check: give --port")]);
  expect(await problemsOf(["unit", "--config", "/nowhere/hc.yaml"])).toHaveLength(1);
});

test("unit --help describes the command", async () => {
  const { text } = await unit(["--help"]);
  expect(text).toContain("Usage: health-checker unit [--output FILE] [DAEMON OPTIONS]");
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

/** The directives that are relaxed for each path of a check. */
const RELAXED: readonly (readonly [what: string, yaml: string, relaxed: Readonly<Record<string, string>>])[] = [
  ["a port", "tcp: 1", {}],
  ["a file of /etc", "file: /etc/hostname", {}],
  ["a folder whose name begins like /home", "file: /homes/x", {}],
  ["a file of a home", "file: /home/x/flag", { ProtectHome: "read-only" }],
  ["the homes' own disk", "{ disk: /home, min-free: 1% }", { ProtectHome: "read-only" }],
  ["a pid file of a user", "process: /run/user/1000/x.pid", { ProtectHome: "read-only", ProtectProc: "default" }],
  ["a file of /tmp", "file: /tmp/flag", { PrivateTmp: "no" }],
  ["a socket in /tmp", "tcp: unix:/tmp/x.sock", { PrivateTmp: "no" }],
  ["a web server's socket", "{ http: http://x/, unix: /var/tmp/x.sock }", { PrivateTmp: "no" }],
  ["PostgreSQL's socket", "postgres: postgres://u@/db?host=/tmp", { PrivateTmp: "no" }],
  ["Redis's socket", "redis: redis://localhost?socket=/tmp/r.sock", { PrivateTmp: "no" }],
  ["an authority in a home", "{ certificate: 443, ca: /root/ca.pem }", { ProtectHome: "read-only" }],
  ["an authority in a home, for TLS", "{ tcp: 443, tls: { ca: /home/ca.pem } }", { ProtectHome: "read-only" }],
  ["a device", "file: /dev/md0", { PrivateDevices: "no" }],
  ["a process", "process: nginx", { ProtectProc: "default" }],
  ["systemd's units", "systemd: nginx", {}],
];

/** The directives of the tightest profile. */
const TIGHT: Readonly<Record<string, string>> = {
  ...{ ProtectHome: "yes", PrivateTmp: "yes", PrivateDevices: "yes", ProtectProc: "invisible", ProtectClock: "yes" },
  ...{ ProtectSystem: "strict", ProtectKernelModules: "yes", SystemCallArchitectures: "native" },
};

for (const [what, check, relaxed] of RELAXED) {
  test(`${what} needs ${JSON.stringify(relaxed)}`, async () => {
    await using folder = await tempFolder();
    const body = check.startsWith("{") ? check : `{ ${check} }`;
    const file = await folder.write(
      "hc.yaml",
      `checks:\n  - ${body.replace(/^\{ (\w+): (\S+) \}$/, '{ $1: "$2" }')}\n`,
    );
    // The config file is in /tmp here; in the unit it is in /etc.
    const unitFile = readUnitFile(await renderFor({ config: [file] }, "/etc/hc.yaml"));
    const found = Object.keys(TIGHT).map((name) => [name, unitFile.get(`Service.${name}`)?.join(" ")]);
    expect(Object.fromEntries(found)).toEqual({ ...TIGHT, ...relaxed });
    expect(unitFile.has("Service.ReadWritePaths")).toBe(false);
  });
}

test("a comment above each relaxed directive says why", async () => {
  const found = new Set<string>();
  for (const name of Object.keys(UNITS)) {
    const lines = (await Bun.file(join(DATA, `${name}.service`)).text()).split("\n");
    for (const [directive, tight] of Object.entries(TIGHT)) {
      const at = lines.findIndex((line) => line.startsWith(`${directive}=`));
      if (at < 0 || lines[at] === `${directive}=${tight}`) continue;
      expect(lines[at - 1]).toStartWith(`# Relaxed from ${directive}=${tight}: `);
      found.add(directive);
    }
  }
  // A directive that is omitted has its own comment.
  expect([...found].sort()).toEqual(
    Object.keys(TIGHT)
      .filter((name) => name !== "SystemCallArchitectures")
      .sort(),
  );
});

test("limits grow with rounds, checks, scripts and connections", async () => {
  const limits = async (raw: RawValues) => {
    const unitFile = readUnitFile(await renderFor(raw));
    const number = (name: string) => Number(unitFile.get(`Service.${name}`)?.[0]?.replace("M", ""));
    return { tasks: number("TasksMax"), files: number("LimitNOFILE"), memory: number("MemoryMax") };
  };
  const many = (count: number) => Array.from({ length: count }, (_, index) => `true ${index}`);
  expect(await limits({ port: ["1"] })).toEqual({ tasks: 512, files: 32_768, memory: 576 });
  const connections = (count: number) => limits({ port: ["1"], "max-connections": [String(count)] });
  expect(await connections(100)).toEqual({ tasks: 512, files: 32_768, memory: 448 });
  expect(await connections(50_000)).toEqual({ tasks: 512, files: 131_072, memory: 1984 });
  expect(await limits({ script: many(1), interval: ["10s"] })).toEqual({ tasks: 576, files: 32_768, memory: 832 });
  expect(await limits({ script: many(1), singleflight: ["true"] })).toEqual({ tasks: 576, files: 32_768, memory: 832 });
  expect(await limits({ script: many(1) })).toEqual({ tasks: 1536, files: 32_768, memory: 1088 });
  expect(await limits({ script: many(10) })).toEqual({ tasks: 10_752, files: 32_768, memory: 5696 });
  expect(await limits({ script: many(100), "max-rounds": ["1024"] })).toEqual({
    tasks: 4_194_304,
    files: 524_288,
    memory: 64_512,
  });
});

test("unit warns of what the unit itself cannot solve", async () => {
  await using folder = await tempFolder();
  const secret = await folder.write("secret", "x", 0o640);
  const file = await folder.write(
    "hc.yaml",
    `checks:\n  - { name: a, redis: redis://localhost, password: "\${file:${secret}}" }\n  - { name: b, script: [./b.sh], env: { X: "\${env:PW}" } }\n  - { name: c, script: [./c.sh], cwd: /opt }\n  - { name: d, script: sudo -n true }\n`,
    0o600,
  );
  const { text, warnings } = await unit(["--config", file], { PW: "s3cretvalue" });
  expect(warnings).toEqual([
    `health-checker: warning: not every user may read "${file}"; make sure that the user health-checker may`,
    `health-checker: warning: not every user may read "${secret}"; make sure that the user health-checker may`,
    'health-checker: warning: "b": "./b.sh" is a relative path; under systemd it starts at /',
    'health-checker: warning: "d": "sudo" cannot gain privileges under NoNewPrivileges=; a comment in the unit explains the alternatives',
    'health-checker: warning: "PW" is not in the environment of a systemd service; set it in the file that EnvironmentFile= of the unit names',
  ]);
  expect(text).toContain("with PW:\nEnvironmentFile=-/etc/health-checker.env\n");
  expect(text).not.toContain("s3cretvalue");
  // It prints the warnings of the daemon too.
  const far = await folder.write("far.yaml", "checks: [{ tcp: 10.0.0.9:1 }]\n", 0o644);
  expect((await unit(["--config", far])).warnings).toEqual([
    expect.stringContaining("a critical check of another host"),
  ]);
});

test("a secret that only the service can read is not needed, and the unit says where it comes from", async () => {
  await using folder = await tempFolder();
  const credential = "/run/credentials/health-checker.service/api-token";
  const config = {
    checks: [
      { name: "a", http: "http://127.0.0.1/", headers: { Authorization: `Bearer \${file:${credential}}` } },
      { name: "b", mysql: "mariadb://app@127.0.0.1/app", password: `\${env:DB_PASSWORD}` },
    ],
  };
  const file = await folder.write("hc.yaml", JSON.stringify(config), 0o644);
  const { text, warnings } = await unit(["--config", file]);
  const unitFile = readUnitFile(text);
  expect(unitFile.get("Service.LoadCredential")).toEqual(["api-token:/etc/health-checker/api-token"]);
  expect(unitFile.get("Service.EnvironmentFile")).toEqual(["-/etc/health-checker.env"]);
  expect(text).not.toContain("stand-in");
  expect(warnings).toEqual([
    `health-checker: warning: "/etc/health-checker/api-token" does not exist; the unit loads "${credential}" from it`,
    expect.stringContaining('"DB_PASSWORD" is not in the environment of a systemd service'),
  ]);
  // Checks that differ only in their secrets are no duplicates.
  const two = { checks: ["A", "B"].map((name) => ({ http: "http://127.0.0.1/", headers: { X: `\${env:${name}}` } })) };
  expect((await unit(["--config", await folder.write("two.yaml", JSON.stringify(two), 0o644)])).warnings).toEqual([
    expect.stringContaining('"A" is not in the environment'),
    expect.stringContaining('"B" is not in the environment'),
  ]);
  // A secret in a comment is not needed.
  const plain = await folder.write("plain.yaml", `checks: [{ tcp: 1 }] # \${file:${credential}} \${env:X}\n`, 0o644);
  const without = await unit(["--config", plain]);
  expect(without.warnings).toEqual([]);
  expect(readUnitFile(without.text).has("Service.LoadCredential")).toBe(false);
  // A key that refuses the stand-in needs the secret itself.
  const port = await folder.write("port.yaml", `checks: [{ tcp: "127.0.0.1:\${env:DB_PORT}" }]\n`);
  expect(await problemsOf(["unit", "--config", port])).toEqual([
    expect.stringContaining("environment variable DB_PORT is not set"),
  ]);
  expect((await unit(["--config", port], { DB_PORT: "5432" })).text).toContain("with DB_PORT:");
  // A file outside the folder of credentials is no such secret.
  const other = await folder.write("other.yaml", `checks: [{ tcp: 1, send: "\${file:/nowhere/x}" }]\n`);
  expect(await problemsOf(["unit", "--config", other])).toHaveLength(1);
});

test("a folder where no socket can be made, or that others may not enter, gets a warning", async () => {
  await using folder = await tempFolder();
  const warningsOf = async (...argv: readonly string[]) => (await unit(["--port", "1", ...argv])).warnings;
  expect(await warningsOf("--listener", "unix:/usr/hc.sock")).toEqual([
    'health-checker: warning: only root may write to "/usr"; the user health-checker needs write permission for the listener',
  ]);
  expect(await warningsOf("--control-socket", "/no/such/folder/hc.sock")).toEqual([
    'health-checker: warning: "/no/such/folder" does not exist; the control socket needs it',
  ]);
  expect(await warningsOf("--state-directory", "/no/such/folder/")).toEqual([
    'health-checker: warning: "/no/such/folder" does not exist; the saved state needs it',
  ]);
  expect(await warningsOf("--listener", "unix:/run/health-checker/hc.sock")).toEqual([
    'health-checker: warning: "/run/health-checker/hc.sock" is in a folder that only root and the user health-checker can enter',
  ]);
  await chmod(folder.path, 0o777);
  expect(await warningsOf("--listener", `unix:${folder.path}/hc.sock`)).toEqual([]);
});

test("the folder of the saved state is writable, wherever it is", async () => {
  const directives = async (directory: string) => {
    const { text } = await unit(["--port", "1", "--state-directory", directory]);
    const file = readUnitFile(text);
    return ["ReadWritePaths", "ProtectHome"].map((name) => file.get(`Service.${name}`));
  };
  expect(await directives("/var/lib/hc")).toEqual([["-/var/lib/hc"], ["yes"]]);
  expect(await directives("/root/hc")).toEqual([["-/root/hc"], ["read-only"]]);
  expect(await directives("/run/health-checker")).toEqual([undefined, ["yes"]]);
});

test("no line is longer than systemd before 235 reads, if no word is", async () => {
  const scripts = Array.from({ length: 200 }, (_, index) => `/usr/local/bin/check-${index}.sh --min 5% 'é "$x"'`);
  const argv = scripts.flatMap((script) => ["--script", script]);
  const { text } = await unit(argv);
  for (const line of text.split("\n")) expect(Buffer.byteLength(line)).toBeLessThan(2048);
  expect(await wordsOf(...argv)).toEqual([...argv, "--control-socket", DEFAULT_SOCKET]);
});

withAnalyze(
  "systemd accepts a command of many lines",
  async () => {
    await using folder = await tempFolder();
    const script = Array.from({ length: 200 }, (_, index) => `/usr/local/bin/check.sh ${index} '# ; "$x" %n'`);
    const file = await folder.write("health-checker.service", await renderFor({ script }, undefined, "/bin/true"));
    expect(await analyze("verify", "--man=no", file)).toEqual({ exitCode: 0, said: "" });
  },
  20_000,
);

test("a name with line ends or a backslash at its end adds no line to the unit", async () => {
  const { text } = await unit(["--script", "true 'a\nExecStartPre=/bin/evil' \\\\", "--port", "1"]);
  const unitFile = readUnitFile(text);
  expect(unitFile.has("Service.ExecStartPre")).toBe(false);
  expect(unitFile.get("Service.ExecStart")).toHaveLength(1);
});

test("--output writes the whole unit, and leaves the file as it is if anything is wrong", async () => {
  await using folder = await tempFolder();
  const file = join(folder.path, "hc.service");
  const run = async (...argv: readonly string[]) => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../../src/main.ts"), "unit", ...argv], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { out, err, status };
  };
  const printed = await run("--port", "5432");
  expect(await run("--output", file, "--port", "5432")).toEqual({ out: "", err: printed.err, status: 0 });
  expect(await Bun.file(file).text()).toBe(printed.out);
  await chmod(file, 0o640);
  expect(await run("--port", "99999", `--output=${file}`)).toMatchObject({ out: "", status: 2 });
  expect(await Bun.file(file).text()).toBe(printed.out);
  const link = join(folder.path, "link.service");
  await symlink(file, link);
  expect(await run("--output", link, "--port", "80")).toMatchObject({ out: "", status: 0 });
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  expect(await Bun.file(file).text()).toContain("--port 80");
  expect((await readdir(folder.path)).toSorted()).toEqual(["hc.service", "link.service"]);
  expect(await run("--port", "80", "--output", join(folder.path, "none/hc.service"))).toMatchObject({
    err: expect.stringContaining(`--output: ${folder.path}/none does not exist`),
    status: 2,
  });
});

test("--output takes one file, and is refused with --check", async () => {
  const refused = (...argv: readonly string[]) => problemsOf(["unit", "--port", "80", ...argv]);
  expect(await refused("--output")).toEqual(["health-checker: --output: expected a value (FILE), got none"]);
  expect(await refused("--output", "a", "--output=b")).toEqual([
    'health-checker: --output: expected once, got "a" and "b"',
  ]);
  expect(await refused("--check", "--output", "a")).toEqual([
    "health-checker: --output: not allowed with --check, which writes nothing",
  ]);
  expect(await refused("--output", "--check")).toEqual(["health-checker: --output: expected a value (FILE), got none"]);
});
