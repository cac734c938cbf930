// The README is short, and all of it is true: its blocks are run as they stand, and its transcripts are what is printed.
// `UPDATE_TRANSCRIPTS=1 bun test test/docs/readme.test.ts` writes the transcripts.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { KINDS } from "../../src/checks/kinds.ts";
import { loadOptions } from "../../src/config/load.ts";
import { askAt } from "../support/ask.ts";
import { binary, ROOT } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { blockIn, blocksOf, readPage } from "../support/documents.ts";
import { needs } from "../support/needs.ts";
import { type StubHost, stubHost } from "../support/stub-host.ts";
import type { Terminal } from "../support/terminal.ts";
import { commandsOf, type Exchange, exchangesOf, transcriptOf, withoutFigures } from "../support/transcript.ts";
import { commandOf, readUnitFile } from "../support/unit-file.ts";
import { until } from "../support/until.ts";

const README = await readPage("README.md");
const UPDATE = Boolean(process.env["UPDATE_TRANSCRIPTS"]);

const MOST_LINES = 170;
const MOST_WORDS = 1050;

/** The ports that the README names: the health listener, a web server, a queue. */
const [HEALTH, WEB, QUEUE] = [5000, 8080, 5672] as const;

const testHaproxy = await needs("haproxy");
const testPython = await needs("python3");

let host: StubHost;

beforeAll(async () => {
  host = await newHost();
}, 60_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

const newHost = (): Promise<StubHost> =>
  stubHost({
    ports: [HEALTH, WEB, QUEUE],
    health: HEALTH,
    files: { "etc/health-checker/config.yaml": blockIn(README, "Quick start", "yaml") },
  });

/** Something that listens on a port of the README's host. */
function serve(port: number): AsyncDisposable {
  const [hostname = "", free] = host.at(port).split(":");
  const server = Bun.serve({ hostname, port: Number(free), fetch: () => new Response("fine") });
  return { [Symbol.asyncDispose]: () => server.stop(true) };
}

const healthUrl = (): string => `http://${host.at(HEALTH)}`;

const answersAt = (url: string): Promise<boolean> =>
  askAt(url).then(
    () => true,
    () => false,
  );

/** Types the commands of a transcript, each after `ready` of the one before, and compares what they print. */
async function expectTranscript(block: string, terminal: Terminal, ready: (command: string) => Promise<unknown>) {
  const ran: Exchange[] = [];
  for (const { command } of exchangesOf(block)) {
    const { out } = await terminal.run(host.here(command));
    await ready(command);
    ran.push({ command, out: host.asWritten(out) });
  }
  const real = transcriptOf(ran);
  expect(real).not.toContain("internal error");
  if (UPDATE)
    await Bun.write(
      join(ROOT, "README.md"),
      (await readPage("README.md")).replace(block, () => real),
    );
  else expect(withoutFigures(real)).toBe(withoutFigures(block));
}

test("it is at most 170 lines and about 1,000 words", () => {
  expect(README.split("\n").length - 1).toBeLessThanOrEqual(MOST_LINES);
  expect(README.trim().split(/\s+/).length).toBeLessThanOrEqual(MOST_WORDS);
});

testPython(
  "the first transcript is what is printed",
  async () => {
    await using terminal = host.terminal();
    const web = `http://${host.at(WEB)}`;
    const log = async () => await readFile(join(host.folder.path, "health.log"), "utf8");
    await expectTranscript(blockIn(README, "health-checker", "console"), terminal, async (command) => {
      if (command.startsWith("python3 ")) await until(() => answersAt(web));
      if (command.startsWith("health-checker ")) await until(async () => (await log()).includes(" listening"));
      if (command.startsWith("kill ")) await until(async () => !(await answersAt(web)));
      if (command.startsWith("curl ")) await until(async () => /host is unhealthy|check is up/.test(await log()));
    });
  },
  60_000,
);

test("what Install says of the release's names, of this program's size and of its memory is so", async () => {
  const [script = "", byHand = ""] = blocksOf(README).flatMap(({ section, text }) =>
    section === "Install" ? [text] : [],
  );
  expect(script).toContain("/releases/latest/download/install.sh | sudo sh\n");
  expect(byHand).toStartWith(`archive=health-checker_${version}_linux_amd64.tar.gz `);
  expect(byHand).toContain(`/releases/download/v${version}/{`);

  const [, size, bare, withFile] = /file of (\d+) MB.*? (\d+) MB of memory at rest, or (\d+) MB/s.exec(README) ?? [];
  expect(Math.abs(Bun.file(await binary()).size / 1e6 - Number(size))).toBeLessThan(10);
  for (const [args, megabytes] of [
    [["--script", "true"], bare],
    [["--config", join(host.folder.path, "etc/health-checker/config.yaml")], withFile],
  ] as const) {
    await using daemon = await startDaemon(args);
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${daemon.pid}/status`, "utf8")) ?? [];
    // It differs between machines; twice as much is a fault.
    expect((Number(kilobytes) * 1024) / 1e6).toBeLessThan(Number(megabytes) * 1.5);
    await daemon.stop("SIGINT");
  }
}, 60_000);

test("the two commands of a checkout are there, and package.json has what they run", async () => {
  const { scripts } = await Bun.file(join(ROOT, "package.json")).json();
  for (const command of ["npx -y bun@1.4.5 run start --script true", "npx -y bun@1.4.5 run verify"]) {
    expect(README).toContain(command);
    expect(scripts).toHaveProperty(command.split(" ")[4] ?? "");
  }
});

test("every command of the quick start does what it is there for", async () => {
  await using _web = serve(WEB);
  await using _queue = serve(QUEUE);
  const blocks = blocksOf(README).filter(({ section, language }) => section === "Quick start" && language === "sh");
  const commands = blocks.flatMap(({ text }) => commandsOf(text));
  expect(commands).toHaveLength(4);
  await using terminal = host.terminal();
  for (const command of commands) {
    if (!command.startsWith("health-checker --")) {
      expect({ command, ...(await terminal.run(host.here(command))) }).toMatchObject({ command, status: 0 });
      continue;
    }
    await terminal.run(`${host.here(command.replace(/ +#.*/, ""))} > serve.log 2>&1 &`);
    await until(() => answersAt(healthUrl()));
    const { status, body } = await askAt(healthUrl());
    expect({ command, status, body }).toEqual({ command, status: 200, body: "OK" });
    expect((await terminal.run("kill -INT $!; wait $!")).status).toBe(0);
  }
}, 60_000);

test("nothing is risky in the config file, and it is that of twelve lines", async () => {
  const config = blockIn(README, "Quick start", "yaml");
  expect(config.trimEnd().split("\n")).toHaveLength(12);
  await using terminal = host.terminal();
  const { out } = await terminal.run(host.here("health-checker validate /etc/health-checker/config.yaml"));
  expect(host.asWritten(out)).toMatch(/^\/etc\/health-checker\/config\.yaml: .*3 checks$/);
});

test("the unit of the README's own lines runs a daemon that prints what On call shows", async () => {
  await using terminal = host.terminal();
  for (const command of commandsOf(blockIn(README, "systemd", "sh"))) {
    expect({ command, ...(await terminal.run(host.here(command))) }).toMatchObject({ command, status: 0 });
  }
  const { path } = host.folder;
  expect((await readFile(join(path, "calls"), "utf8")).trim().split("\n")).toEqual([
    "useradd --system --no-create-home --shell /usr/sbin/nologin health-checker",
    "systemctl daemon-reload",
    "systemctl enable --now health-checker",
  ]);
  const unit = readUnitFile(await readFile(join(path, "etc/systemd/system/health-checker.service"), "utf8"));
  const [program = "", ...args] = commandOf(unit.get("Service.ExecStart")?.[0] ?? "").map((word) =>
    word.replace(/^\/run\//, `${path}/run/`),
  );
  await using _web = serve(WEB);
  await using daemon = await startDaemon([...args, "--listener", host.at(HEALTH)], {
    command: [program],
    env: { RUNTIME_DIRECTORY: join(path, "run/health-checker") },
  });
  await daemon.logged(/check is down check=queue/);
  await daemon.logged("host is unhealthy");
  await daemon.logged(/check is up check=disk/);
  // Figures as of a daemon that has run for some time.
  if (UPDATE) await Bun.sleep(14_000);
  await expectTranscript(blockIn(README, "On call", "console"), terminal, async () => {});
  await terminal.run("health-checker undrain");
  expect(await daemon.stop("SIGINT")).toBe(0);
}, 60_000);

test("supervisord's command is a daemon's, and it waits for the drain", async () => {
  const [, command = ""] = /^command=(.*)$/m.exec(blockIn(README, "supervisord", "ini")) ?? [];
  expect(command.split(" ")).toEqual([
    "/usr/local/bin/health-checker",
    ...["--config", "/etc/health-checker/config.yaml"],
  ]);
  const options = await loadOptions({ config: [join(host.folder.path, "etc/health-checker/config.yaml")] });
  if (!("listener" in options)) throw new Error(options.join("\n"));
  expect(README).toContain(`stopwaitsecs=${options.drainDelayMs / 1000 + 15}\n`);
});

test("the container's HEALTHCHECK is a command that says how the host is", async () => {
  const [, list = ""] = /CMD (\[.*\])$/m.exec(blockIn(README, "Container", "dockerfile")) ?? [];
  const command = (JSON.parse(list) as readonly string[]).map((word) => `'${word}'`).join(" ");
  const there = command.replace(`'${WEB}'`, host.at(WEB));
  await using terminal = host.terminal();
  expect(await terminal.run(there)).toMatchObject({ status: 1 });
  await using _web = serve(WEB);
  expect(await terminal.run(there)).toMatchObject({ status: 0 });
}, 60_000);

testHaproxy(
  "HAProxy takes its backend",
  async () => {
    const backend = blockIn(README, "Load balancers", "haproxy");
    const file = await host.folder.write(
      "haproxy.cfg",
      `defaults\n    mode http\n    timeout connect 1s\n    timeout server 1s\n    timeout client 1s\nfrontend front\n    bind unix@front.sock\n    default_backend app\n${backend}`,
    );
    await using terminal = host.terminal();
    expect(await terminal.run(`haproxy -c -q -f ${file}`)).toEqual({ out: "", status: 0 });
  },
  60_000,
);

test("a shell takes every block of shell", async () => {
  await using terminal = host.terminal();
  for (const { language, text } of blocksOf(README)) {
    if (language !== "sh" && language !== "console") continue;
    const script =
      language === "sh"
        ? text
        : exchangesOf(text)
            .map(({ command }) => `${command}\n`)
            .join("");
    const file = await host.folder.write("block.sh", script);
    expect({ text, ...(await terminal.run(`sh -n ${file}`)) }).toEqual({ text, out: "", status: 0 });
  }
});

test("the table has every kind, each with its place in docs/checks.md", () => {
  const rows = [...README.matchAll(/^\| \[(\w+)\]\((\S+)\) \| \S.* \|$/gm)];
  expect(rows.map(([, kind]) => kind).toSorted()).toEqual(Object.keys(KINDS).toSorted());
  for (const [, kind, link] of rows) expect(link).toBe(`docs/checks.md#${kind}`);
});
