// The root of the image that packaging/Dockerfile makes, put together without a container engine: Debian's packages that
// the base image consists of, and what the Dockerfile copies.

import { chmod, copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { binary, ROOT } from "../support/binary.ts";
import { unpackDebianRoot } from "../support/debian-root.ts";
import { tempFolder } from "../support/temp.ts";

const DOCKERFILE = join(ROOT, "packaging/Dockerfile");

/** What distroless/cc consists of, and a static busybox, which the tests take out and use for scripts. */
const PACKAGES = [
  "base-files",
  "ca-certificates",
  "libc6",
  "libgcc-s1",
  "libstdc++6",
  "netbase",
  "tzdata",
  "busybox-static",
];

/** Debian's names of its versions, as the base image has them in its name. */
const SUITES: Readonly<Record<string, string>> = { debian12: "bookworm", debian13: "trixie" };

export interface Image extends AsyncDisposable {
  readonly root: string;
  /** Not part of the image. */
  readonly busybox: string;
  readonly uid: number;
  readonly gid: number;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

/** An instruction of the Dockerfile, with its options in `flags`. */
export interface Instruction {
  readonly name: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly rest: string;
}

export async function readDockerfile(): Promise<readonly Instruction[]> {
  const text = (await readFile(DOCKERFILE, "utf8")).replace(/^#.*\n/gm, "").replaceAll("\\\n", " ");
  return text.split("\n").flatMap((line) => {
    const [, name, options = "", rest = ""] = /^([A-Z]+) ((?:--\S+ +)*)(.*)$/.exec(line.replace(/ +/g, " ")) ?? [];
    if (name === undefined) return [];
    const flags = [...options.matchAll(/--([\w-]+)=(\S+)/g)].map(([, key = "", value = ""]) => [key, value]);
    return [{ name, flags: Object.fromEntries(flags), rest }];
  });
}

export async function buildImage(): Promise<Image> {
  const instructions = await readDockerfile();
  const only = (name: string) => instructions.findLast((instruction) => instruction.name === name)?.rest ?? "";
  const words = (name: string): readonly string[] => JSON.parse(only(name).replace(/^CMD /, ""));
  const suite = SUITES[/(debian\d+)/.exec(only("FROM"))?.[1] ?? ""];
  if (suite === undefined) throw new Error(`no suite for ${only("FROM")}`);
  const folder = await tempFolder();
  await chmod(folder.path, 0o755);
  const root = join(folder.path, "root");
  await unpackDebianRoot({ variant: "extract", packages: PACKAGES, suite }, root);
  const busybox = join(folder.path, "busybox");
  await rename(join(root, "bin/busybox"), busybox);
  for (const { name, flags, rest } of instructions) if (name === "COPY") await copy(root, flags, rest);
  const [uid = 0, gid = 0] = only("USER").split(":").map(Number);
  return {
    ...{ root, busybox, uid, gid },
    entrypoint: words("ENTRYPOINT"),
    command: words("CMD"),
    healthcheck: words("HEALTHCHECK"),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** `COPY SOURCE TARGET`. The binary is the one of this machine. */
async function copy(root: string, flags: Instruction["flags"], rest: string): Promise<void> {
  const [source = "", target = ""] = rest.split(" ");
  const from = /^dist\/health-checker_linux_\$\{TARGETARCH\}$/.test(source) ? await binary() : join(ROOT, source);
  const to = join(root, target);
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, Number.parseInt(flags["chmod"] ?? "644", 8));
}
