// What a service's sandbox hides can be derived from the mounts that the service sees. The texts are from services on
// Debian 12 (systemd 252), by the name of the directive.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hiddenBy, processesHiddenBy, whyHidden } from "../../src/fs/hidden.ts";

const mountsOf = (name: string): Promise<string> =>
  Bun.file(join(import.meta.dir, `../testdata/mountinfo/${name}.txt`)).text();

/** A hidden path, the directive, and the folder or file that it hides. */
const HIDDEN: readonly (readonly [name: string, path: string, directive: string, point: string])[] = [
  ["protect-home", "/home/app/ready", "ProtectHome=", "/home"],
  ["protect-home", "/home", "ProtectHome=", "/home"],
  ["protect-home", "/home/data/x", "ProtectHome=", "/home"],
  ["protect-home", "/root/ca.pem", "ProtectHome=", "/root"],
  ["protect-home", "/run/user/1000/app.pid", "ProtectHome=", "/run/user"],
  ["protect-home-tmpfs", "/home/app/ready", "ProtectHome= or TemporaryFileSystem=", "/home"],
  ["protect-home-tmpfs", "/run/user/1000/x", "ProtectHome= or TemporaryFileSystem=", "/run/user"],
  ["protect-home-tmpfs-bound", "/home/other/x", "ProtectHome= or TemporaryFileSystem=", "/home"],
  ["private-tmp", "/tmp/app.sock", "PrivateTmp=", "/tmp"],
  ["private-tmp", "/var/tmp/flag", "PrivateTmp=", "/var/tmp"],
  ["private-devices", "/dev/vda", "PrivateDevices=", "/dev"],
  ["proc-subset", "/proc/mdstat", "ProcSubset=", "/proc"],
  ["temporary-file-system", "/srv/data/x", "TemporaryFileSystem=", "/srv"],
  ["inaccessible-paths", "/srv/data/x", "InaccessiblePaths=", "/srv/data"],
  ["inaccessible-paths", "/etc/hostname", "InaccessiblePaths=", "/etc/hostname"],
  ["protect-kernel", "/usr/lib/modules/6.1", "ProtectKernelModules=", "/usr/lib/modules"],
  ["protect-kernel", "/proc/kcore", "ProtectKernelTunables=", "/proc/kcore"],
  ["protect-kernel", "/dev/kmsg", "ProtectKernelLogs=", "/dev/kmsg"],
  ["printed-unit", "/home/app/ready", "ProtectHome=", "/home"],
  ["printed-unit", "/tmp/flag", "PrivateTmp=", "/tmp"],
  ["printed-unit", "/dev/md0", "PrivateDevices=", "/dev"],
];

test.each(HIDDEN)("in %s, %s is hidden by %s at %s", async (name, path, directive, point) => {
  expect(hiddenBy(await mountsOf(name), path)).toEqual({ directive, point });
});

/** Paths that each directive leaves visible. */
const SEEN: readonly (readonly [name: string, paths: readonly string[]])[] = [
  [
    "host",
    ["/home/app/ready", "/home/data/x", "/tmp/x", "/dev/vda", "/root/x", "/run/user/1", "/proc/1", "/dev/shm/x"],
  ],
  ["protect-home-read-only", ["/home/app/ready", "/home/data/x", "/root/x", "/run/user/1000/x", "/tmp/x"]],
  ["protect-home", ["/tmp/x", "/homes/x", "/run/x", "/etc/x", "/", "/run/credentials/other.service/x"]],
  ["protect-home-tmpfs-bound", ["/home/app/ready", "/home/app"]],
  ["private-tmp", ["/home/app/ready", "/home/data/x", "/var/x", "/tmpx"]],
  ["private-devices", ["/dev/shm/x", "/home/data/x"]],
  ["temporary-file-system", ["/home/data/x", "/dev/shm/x", "/run/lock/x"]],
  ["inaccessible-paths", ["/srv", "/srv/database", "/etc/hosts"]],
];

test.each(SEEN)("in %s nothing hides %p", async (name, paths) => {
  const mountinfo = await mountsOf(name);
  expect(paths.map((path) => hiddenBy(mountinfo, path))).toEqual(paths.map(() => undefined));
});

describe("the processes of others", () => {
  test("are hidden by ProtectProc=", async () => {
    expect(processesHiddenBy(await mountsOf("protect-proc"))).toBe("ProtectProc=");
    expect(processesHiddenBy(await mountsOf("printed-unit"))).toBe("ProtectProc=");
  });

  test("are hidden by an option of the host's mount, in a service too", async () => {
    const [host, service] = await Promise.all([mountsOf("host"), mountsOf("private-tmp")]);
    for (const mountinfo of [host, service]) {
      expect(processesHiddenBy(mountinfo)).toBeUndefined();
      expect(processesHiddenBy(mountinfo.replace("proc proc rw", "proc proc rw,gid=4,hidepid=2"))).toBe("hidepid=2");
      expect(processesHiddenBy(mountinfo.replace("proc proc rw", "proc proc rw,hidepid=off"))).toBeUndefined();
    }
  });
});

test("a tmpfs of a host whose mounts are not shared, as in a container, is not a service's", async () => {
  const container =
    "1 0 0:1 / / rw - overlay overlay rw\n2 1 0:2 / /tmp rw - tmpfs tmpfs rw\n3 1 0:3 / /dev rw - tmpfs tmpfs rw\n";
  expect(hiddenBy(container, "/tmp/x")).toBeUndefined();
  expect(hiddenBy(container, "/dev/x")).toBeUndefined();
  expect(hiddenBy("", "/home/x")).toBeUndefined();
  expect(hiddenBy("no such lines\n", "/home/x")).toBeUndefined();
});

test("on this host nothing is hidden, whatever the code of the failed call", () => {
  for (const path of ["/home/x", "/tmp/x", "/dev/x", "/root/x"])
    for (const code of ["ENOENT", "EACCES", "EIO"]) expect(whyHidden(path, code)).toBe("");
});
