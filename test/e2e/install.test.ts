// README's install lines on a bare Debian, with a release of this machine's kind: from nothing to a running service, and
// nothing is replaced by a tampered file. test/packaging/install.test.ts has what else install.sh refuses.

import { afterAll, beforeAll, expect } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { buildWith } from "../support/binary.ts";
import { type Child, startChild } from "../support/child.ts";
import { unpackDebianRoot } from "../support/debian-root.ts";
import { blocksOf, readPage } from "../support/documents.ts";
import { type FileServer, serveFolder } from "../support/file-server.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { asRoot, needs, onX64 } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const REPOSITORY = "https://git.test/me/health-checker";
const ASSET = "health-checker_linux_amd64";
const ARCHIVE = `health-checker_${version}_linux_amd64.tar.gz`;
const BARE_DEBIAN = { variant: "essential", packages: ["curl", "ca-certificates"], suite: "bookworm" } as const;
/** The root is fetched the first time. */
const TEST_MS = 240_000;
/** From the first line to the first answer. */
const MOST_SECONDS = 60;

const TAMPERED_AT = 1_000_000;

const README = await readPage("README.md");
const ways = blocksOf(README).filter(({ section, language }) => section === "Install" && language === "sh");

const inRoot = process.getuid?.() !== 0 ? asRoot : process.arch !== "x64" ? onX64 : await needs("mmdebstrap");

let release: TempFolder;
let server: FileServer;

beforeAll(async () => {
  release = await tempFolder();
  const settings = { HEALTH_CHECKER_REPOSITORY: REPOSITORY };
  await buildWith(settings, "--only", ASSET, "--archive", "--output", release.path);
  server = serveFolder(release.path);
  const installer = join(release.path, "install.sh");
  await Bun.write(
    installer,
    (await readFile(installer, "utf8")).replaceAll(REPOSITORY, `${server.url}/health-checker`),
  );
}, TEST_MS);

afterAll(async () => {
  server[Symbol.dispose]();
  await release[Symbol.asyncDispose]();
});

/** A Debian with curl, and what every Debian has, such as tar. */
async function bareDebian() {
  const folder = await tempFolder();
  const root = join(folder.path, "root");
  await unpackDebianRoot(BARE_DEBIAN, root);
  // The lines are typed by root, who needs none.
  await folder.write("root/usr/local/sbin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755);
  const setup = [
    `mount -t proc proc ${root}/proc`,
    `mount -t tmpfs tmpfs ${root}/dev && touch ${root}/dev/null && mount --bind /dev/null ${root}/dev/null`,
    `exec chroot ${root} sh -c "$1"`,
  ].join(" && ");
  const start = (command: string): Child =>
    startChild(["unshare", "--mount", "sh", "-c", setup, "sh", `cd /tmp\n${command}`]);
  return {
    start,
    program: join(root, "usr/local/bin/health-checker"),
    async run(command: string) {
      await using child = start(command);
      const [status] = await Promise.all([child.exited, child.ended]);
      return { status, out: child.out.join("\n"), err: child.err.join("\n") };
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

inRoot(
  "README has the size of the download",
  async () => {
    const [, megabytes] = /The download is (\d+) MB\./.exec(README) ?? [];
    expect(Math.abs(Bun.file(join(release.path, ARCHIVE)).size / 1e6 - Number(megabytes))).toBeLessThan(5);
  },
  TEST_MS,
);

const sha256 = async (file: string) => Bun.SHA256.hash(await Bun.file(file).bytes(), "hex");

for (const [index, name] of ["the script", "by hand"].entries()) {
  inRoot(
    `${name}: from nothing to a service that answers; a tampered file is refused, and the old program stays`,
    async () => {
      const lines = (ways[index]?.text ?? "").replaceAll("https://github.com/OWNER", server.url);
      await using host = await bareDebian();
      const archive = join(release.path, ARCHIVE);
      const startedAt = performance.now();
      const installed = await host.run(lines);
      expect({ lines, ...installed }).toMatchObject({ status: 0 });
      const hostname = loopbackAddress();
      const address = `${hostname}:${freePort(hostname)}`;
      await using daemon = host.start(`exec health-checker --script true --listener ${address}`);
      await until(() => daemon.out.some((line) => line.includes("listening")), 30_000, "it to listen");
      expect(await host.run(`curl -s -w ' %{http_code}' http://${address}`)).toMatchObject({ out: "OK 200" });
      expect((performance.now() - startedAt) / 1000).toBeLessThan(MOST_SECONDS);

      const before = await sha256(host.program);
      const whole = await Bun.file(archive).bytes();
      await Bun.write(archive, whole.with(TAMPERED_AT, 255 - (whole[TAMPERED_AT] ?? 0)));
      const refused = await host.run(lines);
      await Bun.write(archive, whole);
      expect(refused).toMatchObject({ status: 1 });
      expect(`${refused.out}${refused.err}`).toMatch(/is not what SHA256SUMS says|did NOT match/);
      expect(await sha256(host.program)).toBe(before);
      expect(await host.run("health-checker check --script true")).toMatchObject({ status: 0 });
    },
    TEST_MS,
  );
}
