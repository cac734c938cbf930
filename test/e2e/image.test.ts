// The container image, without a container engine: the root that the Dockerfile describes, read-only, as PID 1 of its own
// namespaces, as the image's user and without capabilities.

import { afterAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { asRoot, needs } from "../support/needs.ts";
import { childrenOf, statOf } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { buildImage, type Image, readDockerfile } from "./image-root.ts";

const testImage = process.getuid?.() === 0 ? await needs("mmdebstrap") : asRoot;

/** The root is fetched the first time. */
const BUILD_MS = 240_000;

let image: Promise<Image> | undefined;

/** One for all tests: none of them can write to it. */
function built(): Promise<Image> {
  image ??= buildImage();
  return image;
}

afterAll(async () => (await image)?.[Symbol.asyncDispose]());

/** The image with `volume` at /checks, and a network of its own. */
async function startContainer(image: Image, volume: string, words: readonly string[]) {
  const { root, uid, gid, entrypoint } = image;
  await mkdir(join(root, "checks"), { recursive: true });
  const setup = [
    `mount --bind ${root} ${root}`,
    `mount --bind ${volume} ${root}/checks`,
    // As container engines do.
    `mount -t tmpfs tmpfs ${root}/dev && touch ${root}/dev/null && mount --bind /dev/null ${root}/dev/null`,
    `mount -o remount,bind,ro ${root}`,
    "ip link set lo up",
    'exec "$@"',
  ].join(" && ");
  const child = startChild([
    ...["unshare", "--mount", "--net", "sh", "-c", setup, "sh"],
    ...["unshare", "--pid", "--fork", "--kill-child", `--root=${root}`, "--mount-proc"],
    ...[`--setgid=${gid}`, `--setuid=${uid}`, ...entrypoint, ...words],
  ]);
  const isInside = (pid: number) => statusOf(pid)["NSpid"] === "1";
  const inside = await until(() => childrenOf(child.pid).find(isInside), 10_000, "the daemon to be there");
  return {
    child,
    inside,
    listening: () => until(() => child.out.some((line) => line.includes("listening")), 10_000, "it to listen"),
    /** As `docker exec`. */
    async exec(command: readonly string[]) {
      const enter = ["nsenter", `--target=${inside}`, "--net", "--pid", "--mount", "--root", `--setuid=${uid}`];
      await using entered = startChild([...enter, `--setgid=${gid}`, ...command]);
      await Promise.all([entered.exited, entered.ended]);
      return { exitCode: await entered.exited, out: entered.out.join("\n"), err: entered.err.join("\n") };
    },
    async [Symbol.asyncDispose]() {
      // unshare itself passes no signal on.
      if (isInside(inside)) process.kill(inside, "SIGKILL");
      await child[Symbol.asyncDispose]();
    },
  };
}

/** With busybox, which has the shell that the image lacks. */
async function checksFolder(image: Image, config: string) {
  const folder = await tempFolder();
  await chmod(folder.path, 0o755);
  await copyFile(image.busybox, join(folder.path, "busybox"));
  await folder.write("config.yaml", config);
  return folder;
}

const CONFIG = `interval: 100ms
checks:
  - name: orphans
    script: [/checks/busybox, sh, -c, "(/checks/busybox setsid /checks/busybox true &); exit 0"]
`;

testImage(
  "it answers, is healthy, reaps what its scripts leave, writes nothing, and ends on SIGTERM",
  async () => {
    const image = await built();
    await using volume = await checksFolder(image, CONFIG);
    await using container = await startContainer(image, volume.path, ["--config", "/checks/config.yaml"]);
    const { child, inside, listening, exec } = container;
    await listening();
    const ask = ["/checks/busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:5000/"];
    expect(await exec(ask)).toEqual({ exitCode: 0, out: "OK", err: "" });
    expect(await exec(image.healthcheck)).toMatchObject({ exitCode: 0, err: "" });
    expect(statusOf(inside)).toMatchObject({ NSpid: "1", Uid: "65532", CapEff: "0000000000000000" });

    expect(await exec(["/checks/busybox", "touch", "/tmp/file"])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining("Read-only file system"),
    });
    await until(() => child.out.filter((line) => line.includes("check is up")).length > 0);
    await until(() => zombiesOf(inside).length === 0, 10_000, "the zombies to be reaped");

    process.kill(inside, "SIGTERM");
    expect(await child.exited).toBe(0);
    expect(child.out.at(-1)).toContain("stopped");
    expect(child.out.join("\n")).not.toMatch(/ WARNING | ERROR /);
  },
  BUILD_MS,
);

testImage(
  "HEALTHCHECK fails only where the daemon does not answer, and not for a failed check",
  async () => {
    const image = await built();
    await using volume = await checksFolder(image, "");
    const healthOf = async (words: readonly string[]) => {
      await using container = await startContainer(image, volume.path, words);
      await container.listening();
      return (await container.exec(image.healthcheck)).exitCode;
    };
    expect(await healthOf(["--port", "1"])).toBe(0);
    expect(await healthOf(["--port", "1", "--listener", "127.0.0.1:5001"])).toBe(1);
  },
  BUILD_MS,
);

testImage(
  "without a config file it says which one it wants, and ends",
  async () => {
    const image = await built();
    await using volume = await checksFolder(image, "");
    await using container = await startContainer(image, volume.path, image.command);
    expect(await container.child.exited).toBe(2);
    await container.child.ended;
    expect(container.child.err).toEqual(["health-checker: cannot read /etc/health-checker/config.yaml: no such file"]);
  },
  BUILD_MS,
);

// What hadolint would look at: it is not to be had here.
test("the Dockerfile has a tagged base, words for commands, and a user that is not root", async () => {
  const instructions = await readDockerfile();
  const names = instructions.map(({ name }) => name);
  expect(names).toEqual(["FROM", "ARG", "COPY", "COPY", "COPY", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"]);
  for (const { name, rest } of instructions) {
    if (name === "FROM") expect(rest).toMatch(/^[\w./-]+:(?!latest)\w+$/);
    if (name === "USER") expect(rest).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    if (name === "HEALTHCHECK") expect(JSON.parse(rest.replace(/^CMD /, ""))).toBeArray();
    if (name === "ENTRYPOINT" || name === "CMD") expect(JSON.parse(rest)).toBeArray();
  }
});

test("the engine gets the files that are copied, and no others", async () => {
  const sources = (await readDockerfile()).flatMap(({ name, rest }) =>
    name === "COPY" ? [rest.split(" ")[0] ?? ""] : [],
  );
  const expected = sources.flatMap((source) =>
    ["amd64", "arm64"].map((arch) => source.replace(/\$\{TARGETARCH\}/, arch)),
  );
  const ignore = await Bun.file(join(ROOT, "packaging/Dockerfile.dockerignore")).text();
  const [everything, ...but] = ignore.trim().split("\n");
  expect(everything).toBe("*");
  expect(but.toSorted()).toEqual([...new Set(expected)].map((source) => `!${source}`).toSorted());
});

const zombiesOf = (pid: number) => childrenOf(pid).filter((child) => statOf(child)?.state === "Z");

/** The last word of each line of /proc/PID/status; nothing if there is no such process. */
function statusOf(pid: number): Readonly<Record<string, string>> {
  const file = `/proc/${pid}/status`;
  const lines = (existsSync(file) ? readFileSync(file, "utf8") : "").matchAll(/^(\w+):\s*(?:.*\s)?(\S+)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}
