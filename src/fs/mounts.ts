// The mounts that this process sees, from the kernel's list. Reading that list never waits for a file system, even a dead one.

import { nodeFs } from "../system/builtins.ts";

export interface Mount {
  readonly id: string;
  /** The mount that it is mounted on. */
  readonly parent: string;
  /** MAJOR:MINOR; some file systems invent it. */
  readonly device: string;
  /** The folder of its file system that is mounted; "/" for all of it. */
  readonly root: string;
  readonly point: string;
  /** The options of this mount alone: "ro", "noexec"… */
  readonly flags: readonly string[];
  /** Whether it is a copy of a mount of another namespace, and receives what is mounted there. */
  readonly isCopy: boolean;
  /** "ext4", "tmpfs", "proc"… */
  readonly type: string;
  /** What was mounted, as given to mount(8): "/dev/sda1", "server:/path", "tmpfs"… */
  readonly source: string;
  /** The options of the file system itself. */
  readonly options: readonly string[];
}

/** `text` is that of /proc/PID/mountinfo, see proc_pid_mountinfo(5). */
export function parseMounts(text: string): readonly Mount[] {
  return text.split("\n").flatMap((line) => {
    const [own = "", of = ""] = line.split(" - ");
    const [id, parent, device = "", root, point, flags = "", ...tags] = own.split(" ");
    if (id === undefined || parent === undefined || root === undefined || point === undefined) return [];
    const [type = "", source = "", options = ""] = of.split(" ");
    return {
      id,
      parent,
      device,
      root: unescapePath(root),
      point: unescapePath(point),
      flags: flags.split(","),
      isCopy: tags.some((tag) => tag.startsWith("master:")),
      type,
      source: unescapePath(source),
      options: options.split(","),
    };
  });
}

const unescapePath = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/**
 * The mount that the kernel uses for `path`. Symbolic links are not followed, since that would ask the file system. Mounts
 * that another mount covers do not count.
 */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  const ids = new Set(mounts.map(({ id }) => id));
  const above = mounts.filter(({ point }) => isUnder(path, point));
  const first = (found: readonly Mount[]) => found.toSorted((one, other) => one.point.length - other.point.length)[0];
  let found: Mount | undefined;
  let next = first(above.filter(({ id, parent }) => parent === id || !ids.has(parent)));
  while (next !== undefined) {
    const { id } = next;
    found = next;
    next = first(above.filter((mount) => mount.parent === id && mount.id !== id));
  }
  return found;
}

/** `path` is `folder`, or below it. */
export const isUnder = (path: string, folder: string): boolean =>
  folder === "/" || path === folder || path.startsWith(`${folder}/`);

/** Empty on other systems than Linux. */
export function readMountinfo(): string {
  try {
    return nodeFs().readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return "";
  }
}
