// unit --check finds the directives that an installed unit lacks, or that are too strict for its checks, and no others.

import { describe, expect, test } from "bun:test";
import { printed, problemsOf, runCommand } from "../../../support/command.ts";
import { type TempFolder, tempFolder } from "../../../support/temp.ts";

/** The printed unit for these options. */
async function print(...argv: readonly string[]): Promise<string> {
  const { out, err, status } = await runCommand(["unit", ...argv]);
  if (status !== 0) throw new Error(err.join("\n"));
  return `${out}\n`;
}

/** The lines of the differences; none for a good unit. */
async function compare(file: string, ...argv: readonly string[]): Promise<readonly string[]> {
  const result = await runCommand(["unit", "--check", file, ...argv]);
  if (result.status === 0) {
    expect(result).toEqual(printed(`${file} fits these options`));
    return [];
  }
  expect(result).toEqual({
    out: expect.any(String),
    err: [expect.stringContaining(`health-checker: ${file} does not fit these options`)],
    status: 1,
  });
  return result.out.split("\n");
}

const directivesOf = (lines: readonly string[]) => [...new Set(lines.map((line) => line.split("=:", 1)[0]))].sort();

const installIn = (folder: TempFolder, text: string) => folder.write("health-checker.service", text);

/** Writes a drop-in with these lines of [Service]. */
const dropInIn = (folder: TempFolder, ...lines: readonly string[]) =>
  folder.write("health-checker.service.d/own.conf", `[Service]\n${lines.join("\n")}\n`);

test.each([
  [["--port", "5432", "--port", "unix:/run/app.sock"]],
  [["--script", "/usr/local/bin/check.sh --min 5% '$x'", "--drain-delay", "30s", "--max-rounds", "4"]],
  [["--port", "1", "--listener", ":80", "--control-socket", "/run/other/hc.sock", "--singleflight"]],
  [["--port", "1", "--listener", "unix:/home/app/hc.sock"]],
])("a unit printed for %j fits the same options", async (argv) => {
  await using folder = await tempFolder();
  const file = await installIn(folder, await print(...argv));
  expect(await compare(file, ...argv)).toEqual([]);
  // Without options those of ExecStart= count.
  expect(await compare(file)).toEqual([]);
});

/** The directives of a unit for one port that are too strict for each check. */
const TOO_STRICT: readonly (readonly [yaml: string, directives: readonly string[]])[] = [
  ["tcp: 1", []],
  ["file: /etc/hostname", []],
  ["file: /homes/x", []],
  ["file: /home/x/flag", ["ProtectHome"]],
  ["{ disk: /home, min-free: 1% }", ["ProtectHome"]],
  ["process: /run/user/1000/x.pid", ["ProtectHome", "ProtectProc"]],
  ["process: nginx", ["ProtectProc"]],
  ["file: /dev/md0", ["PrivateDevices"]],
  ["file: /usr/lib/modules/x", ["ProtectKernelModules"]],
  ["{ certificate: 443, ca: /root/ca.pem }", ["ProtectHome"]],
  ["systemd: nginx", ["TasksMax"]],
  [
    "script: /usr/local/bin/check.sh",
    [
      ...["MemoryMax", "PrivateDevices", "ProtectClock", "ProtectHome", "ProtectProc", "ProtectSystem"],
      ...["SystemCallArchitectures", "SystemCallFilter", "TasksMax"],
    ],
  ],
];

test.each(TOO_STRICT)("for `%s` a unit for a port is too strict in %j", async (check, directives) => {
  await using folder = await tempFolder();
  const config = await folder.write("hc.yaml", "checks: [{ tcp: 1 }]\n");
  const file = await installIn(folder, await print("--config", config));
  const body = check.startsWith("{") ? check : `{ ${check} }`;
  await folder.write("hc.yaml", `checks:\n  - ${body}\n`);
  expect(directivesOf(await compare(file, "--config", config))).toEqual([...directives]);
  expect(directivesOf(await compare(file))).toEqual([...directives]);
  await installIn(folder, await print("--config", config));
  expect(await compare(file)).toEqual([]);
});

/** The differences of a unit for port 1 with this drop-in from what these options need. */
const LINES: readonly (readonly [dropIn: readonly string[], argv: readonly string[], lines: readonly string[]])[] = [
  [
    [],
    ["--port", "1", "--port", "unix:/tmp/a.sock"],
    [
      "ExecStart=: needed --port 1 --port unix:/tmp/a.sock, installed --port 1; for the options given here",
      'PrivateTmp=: needed no, installed yes; for /tmp/a.sock (check "tcp unix:/tmp/a.sock")',
    ],
  ],
  [["ProtectHome=tmpfs", "TasksMax=infinity", "LimitNOFILE=1024:524288", "MemoryMax=50%"], ["--port", "1"], []],
  [
    ["TasksMax=64", "LimitNOFILE=1024", "MemoryMax=100M", "TimeoutStopSec=5s"],
    ["--port", "1"],
    [
      "TasksMax=: needed at least 512, installed 64 (in DROPIN); for these checks",
      "LimitNOFILE=: needed at least 32768, installed 1024 (in DROPIN); for these checks",
      "MemoryMax=: needed at least 576M, installed 100M (in DROPIN); for these checks",
      "TimeoutStopSec=: needed at least 15, installed 5s (in DROPIN); for the drain and the end of running checks",
    ],
  ],
  [
    ["TasksMax=1", "TimeoutStopSec=1"],
    ["--port", "1"],
    [
      "TasksMax=: needed at least 512, installed 1 (in DROPIN); for these checks",
      "TimeoutStopSec=: needed at least 15, installed 1 (in DROPIN); for the drain and the end of running checks",
    ],
  ],
  [
    [
      "MemoryDenyWriteExecute=true",
      "PrivateNetwork=1",
      "RestrictAddressFamilies=",
      "RestrictAddressFamilies=AF_UNIX AF_INET",
    ],
    ["--port", "1"],
    [
      "RestrictAddressFamilies=: needed AF_INET6 AF_NETLINK, installed AF_UNIX AF_INET (in DROPIN); for the daemon itself",
      "MemoryDenyWriteExecute=: needed no, installed true (in DROPIN); for the runtime, which otherwise cannot report that it is ready",
      "PrivateNetwork=: needed no, installed 1 (in DROPIN); for the listener and the checks",
    ],
  ],
  [
    ["InaccessiblePaths=-/run /opt", "TemporaryFileSystem=/srv:ro"],
    ["--port", "1"],
    [
      "InaccessiblePaths=: needed none of /run, installed /run (in DROPIN); for /run/health-checker/control.sock (the control socket)",
    ],
  ],
  [
    ["RuntimeDirectory=", "RuntimeDirectory=other"],
    ["--port", "1"],
    ["RuntimeDirectory=: needed health-checker, installed other (in DROPIN); for the control socket"],
  ],
];

describe("a line names what is needed, what is installed and where, and what needs it", () => {
  for (const [dropIn, argv, lines] of LINES)
    test(`${dropIn.join(", ") || "no drop-in"} for ${argv.join(" ")}`, async () => {
      await using folder = await tempFolder();
      const file = await installIn(folder, await print("--port", "1"));
      const path = await dropInIn(folder, ...dropIn);
      expect(await compare(file, ...argv)).toEqual(lines.map((line) => line.replaceAll("DROPIN", path)));
    });
});

test("a folder for a socket must be writable, by any directive", async () => {
  await using folder = await tempFolder();
  const argv = ["--port", "1", "--listener", "unix:/run/hc/hc.sock"];
  const file = await installIn(folder, (await print(...argv)).replace("ReadWritePaths=-/run/hc\n", ""));
  const line = "ReadWritePaths=: needed /run/hc, installed none; for the listener";
  expect(await compare(file, ...argv)).toEqual([line]);
  await dropInIn(folder, "ProtectSystem=full");
  expect(await compare(file, ...argv)).toEqual([]);
  for (const other of ["ReadWritePaths=/run", "BindPaths=/run/hc", "RuntimeDirectory=hc"]) {
    await dropInIn(folder, other);
    expect(await compare(file, ...argv)).toEqual([]);
  }
});

test("a bind mount is visible in an empty folder, and not in an inaccessible one", async () => {
  await using folder = await tempFolder();
  const argv = ["--port", "unix:/home/app/a.sock"];
  const file = await installIn(folder, await print(...argv));
  await dropInIn(folder, "ProtectHome=tmpfs", "BindReadOnlyPaths=/home/app");
  expect(await compare(file, ...argv)).toEqual([]);
  await dropInIn(folder, "TemporaryFileSystem=/home:ro", "BindPaths=-/srv/app:/home/app:rbind");
  expect(await compare(file, ...argv)).toEqual([]);
  await dropInIn(folder, "TemporaryFileSystem=/home:ro", "BindPaths=/home/other");
  expect(directivesOf(await compare(file, ...argv))).toEqual(["TemporaryFileSystem"]);
  await dropInIn(folder, "ProtectHome=yes", "BindReadOnlyPaths=/home/app");
  expect(directivesOf(await compare(file, ...argv))).toEqual(["ProtectHome"]);
});

test("DynamicUser= implies a sandbox", async () => {
  await using folder = await tempFolder();
  const argv = ["--port", "unix:/tmp/a.sock"];
  const file = await installIn(folder, await print(...argv));
  await dropInIn(folder, "DynamicUser=yes");
  expect(await compare(file, ...argv)).toEqual([
    'PrivateTmp=: needed no, installed yes (by DynamicUser=yes); for /tmp/a.sock (check "tcp unix:/tmp/a.sock")',
  ]);
});

test("a port under 1024 needs a capability, which root has", async () => {
  await using folder = await tempFolder();
  const argv = ["--port", "1", "--listener", ":80"];
  const strict = await print("--port", "1");
  const start = /^ExecStart=.*$/m;
  const file = await installIn(folder, strict.replace(start, start.exec(await print(...argv))?.[0] ?? ""));
  const needed = "needed CAP_NET_BIND_SERVICE, installed none; for the privileged port of the listener";
  expect(await compare(file)).toEqual([`CapabilityBoundingSet=: ${needed}`, `AmbientCapabilities=: ${needed}`]);
  await dropInIn(folder, "User=root", "CapabilityBoundingSet=~CAP_SYS_ADMIN");
  expect(await compare(file)).toEqual([]);
  await dropInIn(folder, "AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_RAW");
  expect(directivesOf(await compare(file))).toEqual(["CapabilityBoundingSet"]);
});

test("the unit must hand over every secret", async () => {
  await using folder = await tempFolder();
  const config = await folder.write(
    "hc.yaml",
    `checks:\n  - { name: a, mysql: "mysql://app@127.0.0.1/app", password: "\${env:DB_PASSWORD}" }\n  - { name: b, redis: redis://localhost, password: "\${file:/run/credentials/health-checker.service/redis}" }\n`,
  );
  const text = await print("--config", config);
  const file = await installIn(folder, text);
  expect(await compare(file)).toEqual([]);
  await installIn(folder, text.replace(/^(LoadCredential|EnvironmentFile)=.*\n/gm, ""));
  expect(await compare(file)).toEqual([
    "LoadCredential=: needed redis, installed none; for a secret",
    "EnvironmentFile=: needed a file with DB_PASSWORD, installed none; for a secret",
  ]);
  for (const lines of [
    ["Environment='DB_PASSWORD=x'", "SetCredential=redis:x"],
    ["PassEnvironment=A DB_PASSWORD", "ImportCredential=red*"],
  ]) {
    await dropInIn(folder, ...lines);
    expect(await compare(file)).toEqual([]);
  }
});

/** The directives that a unit needs besides ExecStart=. */
const LEAST = "Type=notify\nExecReload=/bin/kill -HUP $MAINPID";

test("a stricter directive that hides nothing needed is no difference, nor is a looser one", async () => {
  await using folder = await tempFolder();
  const file = await installIn(folder, await print("--port", "1"));
  await dropInIn(
    folder,
    ...["ProtectHome=tmpfs", "PrivateUsers=yes", "ProcSubset=pid", "SystemCallFilter=@system-service", "Nice=5"],
    ...["IPAddressAllow=any", "InaccessiblePaths=/opt /srv", "NoSuchDirective=yes", "MemoryHigh=400M"],
  );
  expect(await compare(file, "--port", "1")).toEqual([]);
  await installIn(folder, `[Service]\n${LEAST}\nExecStart=-/usr/bin/health-checker --port 1\n`);
  await dropInIn(folder);
  expect(await compare(file, "--port", "1")).toEqual([]);
  await installIn(folder, "[Service]\nExecStart=-/usr/bin/health-checker --port 1\n");
  expect(await compare(file, "--port", "1")).toEqual([
    "Type=: needed notify, installed none (default simple); for systemd to know when it is ready",
    "NotifyAccess=: needed main, installed none; for the status that systemctl shows",
    "ExecReload=: needed a command such as /bin/kill -HUP $MAINPID, installed none; for systemctl reload",
  ]);
});

test("ExecStart= must have the given options", async () => {
  await using folder = await tempFolder();
  const config = await folder.write("hc.yaml", "checks: [{ tcp: 1 }]\n");
  const other = await folder.write("other.yaml", "checks: [{ tcp: 2 }]\n");
  const file = await installIn(folder, await print("--config", config, "--log-level", "debug"));
  const by = "; for the options given here";
  expect(await compare(file, "--config", other)).toEqual([
    `ExecStart=: needed --config ${other}, installed --config ${config}${by}`,
    `ExecStart=: needed no --log-level, installed --log-level debug${by}`,
  ]);
  await installIn(folder, `[Service]\n${LEAST}\nExecStart=/bin/sh -c 'exec health-checker --port 1'\n`);
  expect(await compare(file, "--port", "1")).toEqual([
    `ExecStart=: needed --port 1, installed a command whose options cannot be read${by}`,
  ]);
});

const refused = (...argv: readonly string[]): Promise<readonly string[]> => problemsOf(["unit", ...argv]);

const GIVE = "give the options on the command line: health-checker unit --check FILE --config PATH";

test.each([
  ["/usr/bin/hc --port $PORT", '"$PORT", which only systemd can expand'],
  [`/usr/bin/hc --port \${PORT} --config %E/hc.yaml`, `"\${PORT}" and "%E/hc.yaml", which only systemd can expand`],
  ["/usr/bin/hc $OPTIONS", '"$OPTIONS", which only systemd can expand'],
  [
    `/usr/bin/hc '--script=/bin/x \${A}' $B $C %i`,
    `"--script=/bin/x \${A}", "$B" and 2 more, which only systemd can expand`,
  ],
])(
  "words of ExecStart=%s that only systemd can expand are named with their place, and what to do",
  async (command, what) => {
    await using folder = await tempFolder();
    const file = await installIn(folder, `[Unit]\n\n[Service]\n${LEAST}\nExecStart=${command}\n`);
    expect(await refused("--check", file)).toEqual([
      `health-checker: unit: ${file}:6: ExecStart= has ${what}; ${GIVE.replace("FILE", file)}`,
    ]);
  },
);

test("a word that only systemd can expand is not compared with the given options", async () => {
  await using folder = await tempFolder();
  const start = (command: string) => installIn(folder, `[Service]\n${LEAST}\nExecStart=/usr/bin/hc ${command}\n`);
  const file = await start(`--port $PORT --listener \${ADDRESS} --log-level debug`);
  expect(await compare(file, "--port", "1", "--listener", ":5000")).toEqual([
    "ExecStart=: needed no --log-level, installed --log-level debug; for the options given here",
  ]);
  await start("--log-level debug $OPTIONS");
  expect(await compare(file, "--port", "1")).toEqual([]);
  // Two $ or % stand for one.
  await start("--port 1 --script '/bin/echo $$HOME 5%%'");
  expect(await compare(file)).toEqual([
    'KillMode=: needed mixed, installed none (default control-group); for the script of check "script /bin/echo $HOME 5%"',
    'OOMPolicy=: needed continue, installed none (default stop); for the script of check "script /bin/echo $HOME 5%"',
  ]);
});

test("wrong options in ExecStart= are named with their place", async () => {
  await using folder = await tempFolder();
  const file = await installIn(folder, await print("--port", "1"));
  const start = (command: string) => dropInIn(folder, "ExecStart=", `ExecStart=${command}`);
  const path = await start("/bin/sh -c 'exec hc --port 1'");
  const at = `health-checker: unit: ${path}:3: ExecStart=`;
  expect(await refused("--check", file)).toEqual([
    `${at} has options that cannot be read (-c: unknown option; did you mean --config?); ${GIVE.replace("FILE", file)}`,
  ]);
  await start("/usr/bin/hc --port http");
  expect(await refused("--check", file)).toEqual([expect.stringContaining(`${at}: --port: expected `)]);
  await start("/usr/bin/hc --config /nowhere/hc.yaml");
  expect(await refused("--check", file)).toEqual([
    expect.stringContaining(`${at}: cannot read /nowhere/hc.yaml: no such file`),
  ]);
  // A problem in the config file has its own place.
  const config = await folder.write("hc.yaml", "checks: [{ tcp: 0 }]\n");
  await start(`/usr/bin/hc --config ${config}`);
  expect((await refused("--check", file)).join("\n")).toStartWith(`${config}:1:17: checks[0].tcp: `);
});

test("a relative config file of ExecStart= is in the working directory of the service", async () => {
  await using folder = await tempFolder();
  await folder.write("hc.yaml", "checks: [{ tcp: 1 }]\n");
  const start = "ExecStart=/usr/bin/hc --config hc.yaml";
  const file = await installIn(folder, `[Service]\n${LEAST}\n${start}\nWorkingDirectory=${folder.path}\n`);
  expect(await compare(file)).toEqual([]);
  expect(await compare(file, "--config", `${folder.path}/hc.yaml`)).toEqual([]);
  await installIn(folder, `[Service]\n${LEAST}\n${start}\n`);
  expect(await refused("--check", file)).toEqual([
    expect.stringContaining(`${file}:4: ExecStart=: cannot read /hc.yaml: no such file`),
  ]);
});

test("problems of the options or of the file are reported, with exit status 2", async () => {
  await using folder = await tempFolder();
  const file = await installIn(folder, await print("--port", "1"));
  expect(await refused("--check", "/a", "--port", "1", "--check=/b")).toEqual([
    'health-checker: --check: expected once, got "/a" and "/b"',
  ]);
  expect(await refused("--check", "/nowhere/x.service")).toEqual([
    "health-checker: unit: cannot read /nowhere/x.service: no such file",
  ]);
  expect(await refused(`--check=${file}`, "--port", "http")).toEqual([expect.stringContaining("--port: expected")]);
  expect(await refused("--port", "1", "--check", file, "stray")).toEqual([expect.stringContaining('"stray"')]);
  await installIn(folder, "[Service]\nExecStart=/usr/bin/health-checker --config /nowhere/hc.yaml\n");
  expect(await refused("--check", file)).toEqual([expect.stringContaining("/nowhere/hc.yaml")]);
  await installIn(folder, "");
  expect(await refused("--check", file)).toEqual([`health-checker: unit: ${file} has no ExecStart=; it may be masked`]);
  const pipe = `${folder.path}/pipe.service`;
  Bun.spawnSync(["mkfifo", pipe]);
  expect(await refused("--check", pipe)).toEqual([`health-checker: unit: cannot read ${pipe}: it is a pipe`]);
  expect(await refused("--check", folder.path)).toEqual([
    `health-checker: unit: cannot read ${folder.path}: it is a folder`,
  ]);
  expect(await refused("--check", "/dev/zero")).toEqual([
    "health-checker: unit: cannot read /dev/zero: it is a device",
  ]);
  expect(await refused("--check", `${file}/x`)).toEqual([`health-checker: unit: cannot read ${file}/x: no such file`]);
  const large = await folder.write("large.service", "# x\n".repeat(300_000));
  expect(await refused("--check", large)).toEqual([
    `health-checker: unit: cannot read ${large}: it has more than 1 MiB`,
  ]);
  // A masked unit.
  expect(await refused("--check", "/dev/null")).toEqual([
    "health-checker: unit: /dev/null has no ExecStart=; it may be masked",
  ]);
});
