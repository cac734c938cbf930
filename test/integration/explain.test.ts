// `explain` of the compiled binary: what would fail on this host as this user is reported, each
// with its cause, and nothing is run or listened on.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { asRoot } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";

const NOBODY = 65534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

async function run(...command: readonly string[]) {
  await using child = startChild(command);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, out: child.out, err: child.err };
}

/** What is wrong by the name of the check; one without a flaw is not in it. */
function flawsIn(lines: readonly string[]): Readonly<Record<string, string>> {
  const flaws: Record<string, string> = {};
  let name = "";
  for (const line of lines) {
    name = /^ {2}(\S[^:]*):/.exec(line)?.[1] ?? name;
    const [, flaw] = /^ {4}problem: (.*)$/.exec(line) ?? [];
    if (flaw !== undefined) flaws[name] = flaw;
  }
  return flaws;
}

test("what is missing is reported for each check, and no script is run", async () => {
  await using folder = await tempFolder();
  const at = (name: string) => join(folder.path, name);
  const ran = at("ran");
  await folder.write("good.sh", `#!/bin/sh\ntouch ${ran}\n`, 0o755);
  await folder.write("no-bit.sh", "#!/bin/sh\n", 0o644);
  await folder.write("no-line.sh", "exit 0\n", 0o755);
  await folder.write("windows.sh", "#!/bin/sh\r\n", 0o755);
  const script = (name: string) => ({ name, script: [at(`${name}.sh`)] });
  const config = await folder.write(
    "hc.yaml",
    JSON.stringify({
      listener: `unix:${at("listener")}`,
      checks: [
        ...["good", "gone", "no-bit", "no-line", "windows"].map(script),
        { name: "unknown", script: "no-such-program --flag" },
        { name: "nameless", tcp: "no-such-name.invalid:80" },
        { name: "nameless-url", http: "http://no-such-name.invalid/" },
        { name: "no-ca", tcp: 443, tls: { ca: at("ca.pem") } },
        { name: "no-disk", disk: at("mount"), "min-free": "1%" },
        // Whether it is there is what these checks are for.
        { name: "no-file", file: at("flag") },
        { name: "no-pid", process: at("app.pid") },
      ],
    }),
  );
  const { exitCode, out, err } = await run(await binary(), "explain", "--config", config);
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: [] });
  expect(flawsIn(out)).toEqual({
    gone: `${at("gone.sh")} does not exist`,
    "no-bit": `${at("no-bit.sh")} is not executable; try chmod +x ${at("no-bit.sh")}`,
    "no-line": `exec format error: add a first line such as #!/bin/sh to ${at("no-line.sh")}`,
    windows: expect.stringContaining("has Windows line ends (CRLF)"),
    unknown: "no-such-program: not found in PATH; write the path in full",
    nameless: expect.stringContaining("no-such-name.invalid"),
    "nameless-url": expect.stringContaining("no-such-name.invalid"),
    "no-ca": `${at("ca.pem")} does not exist`,
    "no-disk": `${at("mount")} does not exist`,
  });
  expect([existsSync(ran), existsSync(at("listener"))]).toEqual([false, false]);
}, 60_000);

asRoot(
  "what another user may not read or enter is wrong for that user alone",
  async () => {
    await using folder = await tempFolder();
    await chmod(folder.path, 0o755);
    const at = (name: string) => join(folder.path, name);
    const program = at("health-checker");
    await cp(await binary(), program);
    await folder.write("unread.sh", "#!/bin/sh\n", 0o711);
    await folder.write("unread.pem", "x", 0o600);
    await folder.write("flag", "x", 0o600);
    await mkdir(at("closed"), { mode: 0o700 });
    await folder.write("closed/check.sh", "#!/bin/sh\n", 0o755);
    await folder.write("closed/flag", "x", 0o644);
    await cp("/bin/true", at("compiled"));
    await chmod(at("compiled"), 0o755);
    const config = await folder.write(
      "hc.yaml",
      JSON.stringify({
        checks: [
          { name: "script", script: [at("unread.sh")] },
          { name: "compiled", script: [at("compiled")] },
          { name: "ca", http: "https://127.0.0.1/", tls: { ca: at("unread.pem") } },
          { name: "in-closed", script: [at("closed/check.sh")] },
          { name: "flag-in-closed", file: at("closed/flag") },
          { name: "disk-in-closed", disk: at("closed/x"), "min-free": "1%" },
          // Its age can be seen without reading it, its content cannot.
          { name: "flag", file: at("flag"), "max-age": "1h" },
          { name: "content", file: at("flag"), expect: "x" },
        ],
      }),
      0o644,
    );
    const asRootItself = await run(program, "explain", "--config", config);
    expect(asRootItself.out[1]).toStartWith("Checks and scripts would run like this command: as root (uid 0), in /.");
    expect(flawsIn(asRootItself.out)).toEqual({ "disk-in-closed": `${at("closed/x")} does not exist` });

    const { exitCode, out, err } = await run(...AS_NOBODY, program, "explain", "--config", config);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: [] });
    expect(out[1]).toContain(` (uid ${NOBODY}), in /.`);
    expect(flawsIn(out)).toEqual({
      script: `${at("unread.sh")} cannot be read by this user; a script must be, for its interpreter`,
      ca: `cannot access ${at("unread.pem")}: this user may not read it: it belongs to root (uid 0), mode 0600 (EACCES)`,
      "in-closed": `${at("closed/check.sh")} cannot be used: this user may not enter ${at("closed")}, which belongs to root (uid 0), mode 0700 (EACCES)`,
      "flag-in-closed": `cannot access ${at("closed/flag")}: this user may not enter ${at("closed")}, which belongs to root (uid 0), mode 0700 (EACCES)`,
      "disk-in-closed": `cannot access ${at("closed/x")}: this user may not enter ${at("closed")}, which belongs to root (uid 0), mode 0700 (EACCES)`,
      content: `cannot access ${at("flag")}: this user may not read it: it belongs to root (uid 0), mode 0600 (EACCES)`,
    });
  },
  60_000,
);

test("a working folder that has been removed is a word in the plan, and no fault", async () => {
  await using folder = await tempFolder();
  const program = await binary();
  const away = join(folder.path, "away");
  await mkdir(away);
  const inRemoved = (command: string) =>
    run("sh", "-c", `cd ${away} && rmdir ${away} && exec "$0" ${command} --script no-such-program`, program);
  const plan = await inRemoved("explain");
  expect({ ...plan, out: plan.out[1] }).toEqual({
    exitCode: 0,
    out: expect.stringContaining(", in a folder that has been removed. "),
    err: [],
  });
  const flaw = "no-such-program: not found in PATH; write the path in full";
  expect(flawsIn(plan.out)).toEqual({ "script no-such-program": flaw });
  await mkdir(away);
  const checked = await inRemoved("check");
  expect(checked.out[1]).toEndWith(`spawn: ${flaw}`);
}, 60_000);

test("what is wrong with the options goes to stderr, with exit status 2 and no plan", async () => {
  const { exitCode, out, err } = await run(await binary(), "explain", "--port", "http");
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] });
  expect(err).toEqual([expect.stringContaining("--port: expected"), "Try 'health-checker --help'."]);
}, 60_000);
