// What the sandbox of a systemd service hides. A check that fails for that reason names the directive, so that users do not
// look for the fault in the target.
//
// It is derived from the mounts that the service sees, only after a check has failed. Symbolic links are not followed: if
// /home is one, the directive is not found.

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

/** The empty file or folder without permissions that systemd mounts over a hidden one. */
const INACCESSIBLE = /\/systemd\/inaccessible\/[a-z]+$/;

/** The folder that a service has instead of the host's /tmp. */
const PRIVATE_TMP = /\/systemd-private-[^/]+\/tmp$/;

/** What each directive hides; anything else is hidden by InaccessiblePaths=. */
const HIDES: Readonly<Record<string, readonly string[]>> = {
  "ProtectHome=": HOMES,
  "ProtectKernelModules=": MODULES,
  "ProtectKernelLogs=": ["/proc/kmsg", "/dev/kmsg"],
  "ProtectKernelTunables=": ["/proc/kallsyms", "/proc/kcore"],
};

/** systemd hides it from every service that has mounts of its own, without a directive. */
const CREDENTIALS = "/run/credentials";

/** Undefined if the sandbox does not hide the path. `mountinfo` is the text of /proc/self/mountinfo. */
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
 * Whether it was mounted for this service: it is not a copy of a mount of the host, and the root is one. False on the host
 * itself, and if the two cannot be distinguished.
 */
const isOwn = (mounts: readonly Mount[], mount: Mount): boolean =>
  !mount.isCopy && mountAt(mounts, "/")?.isCopy === true;

/** The directive or mount option that hides the processes of other users; undefined if they are visible. */
export function processesHiddenBy(mountinfo: string): string | undefined {
  const mounts = parseMounts(mountinfo);
  const mount = mountAt(mounts, "/proc");
  const option = mount?.options.find((option) => /^hidepid=[^0o]/.test(option));
  if (mount === undefined || option === undefined) return undefined;
  return isOwn(mounts, mount) ? "ProtectProc=" : option;
}

const REMEDY = "health-checker unit --check shows what to change";

/** The codes of calls that fail because the sandbox hides something. */
const CODES: readonly string[] = ["ENOENT", "ENOTDIR", "EACCES", "EPERM"];

/**
 * The end of a message that `path` is missing or unusable; empty if the sandbox is not the reason. `code` is that of the
 * failed call.
 */
export function whyHidden(path: string, code: string): string {
  if (!CODES.includes(code)) return "";
  const hidden = hiddenBy(readMountinfo(), path);
  return hidden === undefined ? "" : `; the service's ${hidden.directive} hides ${hidden.point} (${REMEDY})`;
}

/** Why not all processes are visible, as far as the mounts show it; for a check that did not find its process. */
export function whyProcessesHidden(): string | undefined {
  const by = processesHiddenBy(readMountinfo());
  if (by === undefined) return undefined;
  return by === "ProtectProc="
    ? `the service's ProtectProc= hides the processes of other users; ${REMEDY}`
    : `/proc is mounted with ${by}, which hides the processes of other users`;
}
