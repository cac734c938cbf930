// Nothing in the folder it is started in, and no variable that is not its own,
// changes what the binary does.

import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { plainEnvironment } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

/** Writes down that it ran, wherever it is loaded from. */
const trap = (folder: TempFolder) =>
  `require("node:fs").writeFileSync(${JSON.stringify(`${folder.path}/sprung`)}, process.argv.join(" "));`;

/** Every file that a runtime, a bundler or a package manager might look for. */
async function hostileFolder(proxy: string): Promise<TempFolder> {
  const folder = await tempFolder();
  const dotenv = `PORT=1
BUN_PORT=1
NODE_PORT=1
HTTP_PROXY=${proxy}
http_proxy=${proxy}
HEALTH_CHECKER_DEBUG=true
TRAPPED=yes
`;
  for (const name of [".env", ".env.local", ".env.production", ".env.development"]) await folder.write(name, dotenv);
  await folder.write("trap.js", trap(folder));
  for (const name of ["citty", "consola", "shlex", "fastest-levenshtein"]) {
    await folder.write(`node_modules/${name}/index.js`, trap(folder));
  }
  await folder.write(
    "bunfig.toml",
    'preload = ["./trap.js"]\nlogLevel = "debug"\n[run]\nbun = true\n[serve]\nport = 1\n',
  );
  await folder.write("package.json", '{ "name": "citty", "version": "9.9.9", "type": "commonjs", "main": "trap.js" }');
  const paths = Object.fromEntries(["citty", "consola/core", "shlex"].map((name) => [name, ["./trap.js"]]));
  await folder.write("tsconfig.json", JSON.stringify({ compilerOptions: { baseUrl: ".", paths } }));
  return folder;
}

const hostileEnvironment = (proxy: string) => ({
  PORT: "1",
  BUN_PORT: "1",
  NODE_PORT: "1",
  NODE_ENV: "production",
  NODE_OPTIONS: "--require ./trap.js",
  BUN_PRELOAD: "./trap.js",
  HEALTH_CHECKER_DEBUG: "true",
  ...Object.fromEntries(
    ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => [
      [name, proxy],
      [name.toUpperCase(), proxy],
    ]),
  ),
});

/** Counts who comes. */
function countingListener() {
  let count = 0;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        count++;
        socket.end();
      },
      data() {},
    },
  });
  return { address: `127.0.0.1:${listener.port}`, count: () => count, [Symbol.dispose]: () => listener.stop(true) };
}

test("--version, --help and a refusal read the same in a hostile folder as in an empty one", async () => {
  await using empty = await tempFolder();
  await using hostile = await hostileFolder("http://127.0.0.1:1");
  const say = async (cwd: string, env: Record<string, string>, ...args: readonly string[]) => {
    const child = Bun.spawn([await binary(), ...args], {
      cwd,
      env: { ...plainEnvironment(), ...env },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { out, err, exitCode: await child.exited };
  };
  for (const args of [["--version"], ["--help"], [], ["--prot", "80"]]) {
    const plain = await say(empty.path, {}, ...args);
    expect(plain.out + plain.err).not.toBe("");
    expect(await say(hostile.path, hostileEnvironment("http://127.0.0.1:1"), ...args)).toEqual(plain);
  }
  expect(await Bun.file(`${hostile.path}/sprung`).exists()).toBe(false);
}, 30_000);

test("a daemon in a hostile folder and environment serves, checks and ends as ever", async () => {
  using proxy = countingListener();
  using target = countingListener();
  await using hostile = await hostileFolder(`http://${proxy.address}`);
  const script = await hostile.write("print-env.sh", '#!/bin/sh\nenv >"$1"\n', 0o755);
  const seen = `${hostile.path}/seen`;

  await using daemon = await startDaemon(["--port", target.address, "--script", `${script} ${seen}`], {
    cwd: hostile.path,
    env: { ...hostileEnvironment(`http://${proxy.address}`), NOTIFY_SOCKET: "/none", LISTEN_FDS: "1" },
  });
  expect(daemon.port).not.toBe(1);
  const { status, body } = await daemon.ask();
  expect({ status, body }).toEqual({ status: 200, body: "OK" });
  expect(target.count()).toBe(1);
  expect(proxy.count()).toBe(0);

  // A script is handed the daemon's own environment, and nothing that .env holds.
  const names = (await Bun.file(seen).text()).split("\n").map((line) => line.split("=", 1)[0] ?? "");
  expect(names).toContain("HEALTH_CHECKER_CHECK");
  expect(names).toContain("HTTP_PROXY");
  expect(names.filter((name) => /^(TRAPPED|NOTIFY_SOCKET|LISTEN_|BUN_)/.test(name))).toEqual([]);

  expect(await Bun.file(`${hostile.path}/sprung`).exists()).toBe(false);
  expect(daemon.errors()).toEqual([]);
  expect(await daemon.stop()).toBe(0);
}, 30_000);

test("a module that BUN_OPTIONS would load first is not run", async () => {
  await using hostile = await hostileFolder("http://127.0.0.1:1");
  for (const word of ["--preload", "--require", "--import"]) {
    const child = Bun.spawn([await binary(), "--version"], {
      cwd: hostile.path,
      env: { ...plainEnvironment(), BUN_OPTIONS: `${word} ${hostile.path}/trap.js` },
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    expect(await Bun.file(`${hostile.path}/sprung`).exists()).toBe(false);
  }
}, 30_000);
