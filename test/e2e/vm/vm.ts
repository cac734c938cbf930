// A real systemd runs the daemon: a Debian boots under qemu with the compiled binary and the unit
// that it prints, and tries from inside what only a booted host can show. Each thing that is tried is a test.
//
// Its name is none that `bun test` looks for: `bun run test:vm` runs it.

import { afterAll, expect } from "bun:test";
import { copyFile, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { buildDeb } from "../../../packaging/deb.ts";
import { binary } from "../../support/binary.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { asRoot, needs, onX64 } from "../../support/needs.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";
import { boot, type Guest } from "./boot.ts";
import { drills } from "./guest/drills.ts";
import { BEGIN, END, type Finding, MARK } from "./guest/finding.ts";
import { DEBS } from "./guest/package-drills.ts";
import { buildRoot, type Root } from "./root.ts";

const programs = await needs("mmdebstrap", "qemu-system-x86_64", "mke2fs", "openssl", "dpkg-deb");
const test = process.arch !== "x64" ? onX64 : process.getuid?.() !== 0 ? asRoot : programs;

const ROOT_MS = 600_000;
const BOOT_MS = 120_000;
const DRILL_MS = 240_000;

const stack = new AsyncDisposableStack();
let root: Root | undefined;
let guest: Guest | undefined;

afterAll(() => stack.disposeAsync());

test(
  "a Debian root is built, or was built before",
  async () => {
    root = await buildRoot();
  },
  ROOT_MS,
);

test(
  "it boots",
  async () => {
    if (!root) throw new Error("there is no root");
    const folder = stack.use(await tempFolder());
    const payload = join(folder.path, "payload");
    await fill(payload);
    guest = stack.use(await boot(root, payload, folder.path, "Nehalem"));
    await said((line) => line === BEGIN || undefined, BOOT_MS);
  },
  BOOT_MS,
);

for (const { name } of drills)
  test(
    name,
    async () => {
      const finding = await said((line) => {
        const found = findingOf(line);
        return found?.name === name ? found : undefined;
      }, DRILL_MS);
      expect(finding.why).toBeUndefined();
    },
    DRILL_MS,
  );

test(
  "it is over, and the guest powers itself off",
  async () => {
    await said((line) => line === END || undefined, DRILL_MS);
    await until(() => guest?.hasEnded(), BOOT_MS, "the guest to power itself off");
  },
  DRILL_MS,
);

/** Resolves with what `find` makes of a line of the guest's. One that does not say it is given up. */
async function said<T>(find: (line: string) => T | undefined, limitMs: number): Promise<T> {
  const running = guest;
  if (!running) throw new Error("there is no guest any more; see above");
  const look = () => {
    for (const line of running.said) {
      // A terminal's lines end in two characters.
      const found = find(line.trimEnd());
      if (found !== undefined) return { found };
    }
    if (running.hasEnded()) throw new Error("it has ended");
    return undefined;
  };
  // Once it has ended there is nothing to wait for.
  const found = await until(() => running.hasEnded() || look(), limitMs, "the guest to say so")
    .then(look)
    .catch((error) => error as Error);
  if (found && "found" in found) return found.found;
  guest = undefined;
  throw new Error(`${found?.message}; it said last: ${running.said.at(-1)}\n${await running.console()}`);
}

function findingOf(line: string): Finding | undefined {
  if (!line.startsWith(`${MARK}{`)) return undefined;
  return JSON.parse(line.slice(MARK.length)) as Finding;
}

/** Not compressed: to unpack it would take an emulated guest a minute. */
const buildDebOf = async (version: string, folder: string): Promise<string> =>
  buildDeb({
    architecture: "amd64",
    binary: await binary(),
    version,
    repository: "https://git.test/someone/health-checker",
    epochS: 1_750_000_000,
    folder,
    compressed: false,
  });

/** What the guest finds on its second disk. */
async function fill(payload: string): Promise<void> {
  await mkdir(join(payload, "tls"), { recursive: true });
  const authority = await makeAuthority(join(payload, "tls"));
  const { certFile, keyFile } = await authority.issue({ names: ["api.test", "127.0.0.1"] });
  await copyFile(authority.caFile, join(payload, "tls/ca.pem"));
  await copyFile(certFile, join(payload, "tls/cert.pem"));
  await copyFile(keyFile, join(payload, "tls/key.pem"));
  await copyFile(await binary(), join(payload, "health-checker"));
  for (const [name, version] of Object.entries(DEBS))
    await rename(await buildDebOf(version, payload), join(payload, name));
  await copyFile(process.execPath, join(payload, "bun"));
  for (const name of ["nginx.conf", "postgresql.conf", "pg_hba.conf", "init.sql"])
    await copyFile(join(import.meta.dir, "guest", name), join(payload, name));
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "guest/drill.ts")],
    outdir: payload,
    target: "bun",
    naming: "[name].js",
  });
  if (!built.success) throw new AggregateError(built.logs, "the drill does not compile");
}
