// What the sandbox of a systemd service hides from it: a check that fails for that reason names
// the directive, so that the fault is not looked for in the target.
//
// It is read from the mounts that the service sees, once a check has failed and never
// before. A path is taken as text: where /home is a symbolic link, the directive is not found.

import { type Mount, mountAt, parseMounts, readMountinfo } from "./mounts.ts";

/** What ProtectHome= hides. */
export const HOMES: readonly string[] = ["/home", "/root", "/run/user"];

/** What PrivateTmp= replaces. */
export const TEMPORARY: readonly string[] = ["/tmp", "/var/tmp"];

/** What ProtectKernelModules= hides. */
export const MODULES: readonly string[] = ["/lib/modules", "/usr/lib/modules"];

export interface Hidden {
  /** "ProtectHome=" */
  readonly directive: string;
  /** The folder or file that it hides. */
  readonly point: string;
}

/** An empty file or folder without permissions; systemd mounts it over the hidden one. */
const INACCESSIBLE = /\/systemd\/inaccessible\/[a-z]+$/;

/** What a service has instead of the host's /tmp. */
const PRIVATE_TMP = /\/systemd-private-[^/]+\/tmp$/;

/** Which directive hides what, where it is not InaccessiblePaths=. */
const HIDES: Readonly<Record<string, readonly string[]>> = {
  "ProtectHome=": HOMES,
  "ProtectKernelModules=": MODULES,
  "ProtectKernelLogs=": ["/proc/kmsg", "/dev/kmsg"],
  "ProtectKernelTunables=": ["/proc/kallsyms", "/proc/kcore"],
};

/** Hidden from every service that has mounts of its own, by no directive of its unit. */
const CREDENTIALS = "/run/credentials";

/** Undefined where the sandbox hides nothing there. `mountinfo` is the text of /proc/self/mountinfo. */
export function hiddenBy(mountinfo: string, path: string): Hidden | undefined {
  const mounts = parseMounts(mountinfo);
  const mount = mountAt(mounts, path);
  if (mount === undefined) return undefined;
  const directive = directiveOf(mount, isOwn(mounts, mount));
  return directive === undefined ? undefined : { directive, point: mount.point };
}

function directiveOf({ root, point, type, options }: Mount, own: boolean): string | undefined {
  if (INACCESSIBLE.test(root)) {
    if (point === CREDENTIALS) return undefined;
    return Object.keys(HIDES).find((directive) => HIDES[directive]?.includes(point)) ?? "InaccessiblePaths=";
  }
  if (PRIVATE_TMP.test(root)) return "PrivateTmp=";
  if (type === "proc" && options.includes("subset=pid")) return "ProcSubset=";
  if (type !== "tmpfs" || !own) return undefined;
  if (TEMPORARY.includes(point)) return "PrivateTmp=";
  if (point === "/dev") return "PrivateDevices=";
  return HOMES.includes(point) ? "ProtectHome= or TemporaryFileSystem=" : "TemporaryFileSystem=";
}

/**
 * It was mounted for this service: it is no copy of one of the host's, and the root is. On the
 * host itself, and where the two cannot be distinguished, false.
 */
const isOwn = (mounts: readonly Mount[], mount: Mount): boolean =>
  !mount.isCopy && mountAt(mounts, "/")?.isCopy === true;

/** Why the processes of other users are not seen, or undefined where they are. */
export function processesHiddenBy(mountinfo: string): string | undefined {
  const mounts = parseMounts(mountinfo);
  const mount = mountAt(mounts, "/proc");
  const option = mount?.options.find((option) => /^hidepid=[^0o]/.test(option));
  if (mount === undefined || option === undefined) return undefined;
  return isOwn(mounts, mount) ? "ProtectProc=" : option;
}

const CURE = "health-checker unit --check says what to change";

/** What a call fails with where the sandbox hides what it was for. */
const CODES: readonly string[] = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"];

/**
 * The end of a message that `path` is not there or may not be used; `code` is that of the failed
 * call. Empty where the sandbox is not the reason.
 */
export function whyHidden(path: string, code: string): string {
  if (!CODES.includes(code)) return "";
  const hidden = hiddenBy(readMountinfo(), path);
  return hidden === undefined ? "" : `; the service's ${hidden.directive} hides ${hidden.point} (${CURE})`;
}

/** Why not all processes are seen, as far as the mounts show it; for a check that has not found its own. */
export function whyProcessesHidden(): string | undefined {
  const by = processesHiddenBy(readMountinfo());
  if (by === undefined) return undefined;
  return by === "ProtectProc="
    ? `the service's ProtectProc= hides the processes of others; ${CURE}`
    : `/proc is mounted with ${by}, which hides the processes of others`;
}
