// A command for the daemon is not sent to a socket of another user.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { askControl } from "../../../src/cli/control/client.ts";
import { distrust } from "../../../src/listeners/control/peer.ts";
import { asRoot } from "../../support/needs.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const NOBODY = 65534;
const OTHER = 12_345;

let folder: TempFolder;
let at: string;
beforeEach(async () => {
  folder = await tempFolder();
  at = join(folder.path, "run");
  mkdirSync(at, { mode: 0o755 });
  chmodSync(folder.path, 0o755);
});
afterEach(() => folder[Symbol.asyncDispose]());

const LISTENS = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666)
if int(sys.argv[2]): os.setuid(int(sys.argv[2]))
s.listen(5)
print("listens", flush=True)
while True:
    c, _ = s.accept()
    if c.recv(9999): c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"); print("asked", flush=True)
    c.close()
`;

/** A process of the user, whose socket answers each request. */
async function listensAs(uid: number) {
  const path = join(at, "control.sock");
  const child = Bun.spawn(["python3", "-c", LISTENS, path, `${uid}`], { stdout: "pipe" });
  let output = "";
  void (async () => {
    for await (const chunk of child.stdout) output += Buffer.from(chunk).toString();
  })();
  await until(() => output.includes("listens"));
  return {
    path,
    asked: () => output.includes("asked"),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

const owned = (uid: number, mode: number, gid = uid) => {
  chownSync(at, uid, gid);
  chmodSync(at, mode);
};

asRoot(
  "a process of root, of this user or of the folder's owner is trusted",
  async () => {
    {
      await using peer = await listensAs(0);
      for (const [uid, mode] of [
        [0, 0o755],
        [OTHER, 0o755],
        [OTHER, 0o775],
        [0, 0o1777],
      ] as const) {
        owned(uid, mode);
        expect([mode, distrust(peer.path)]).toEqual([mode, undefined]);
      }
    }
    rmSync(join(at, "control.sock"));
    await using peer = await listensAs(OTHER);
    owned(OTHER, 0o755);
    expect(distrust(peer.path)).toBeUndefined();
    expect(await askControl(peer.path, { method: "POST", route: "/drain" }, 5000)).toEqual({ status: 200, answer: {} });
    await until(peer.asked);
  },
  30_000,
);

asRoot(
  "a process of another user is sent nothing",
  async () => {
    await using peer = await listensAs(OTHER);
    const error = `${peer.path} is not trusted: its process runs as uid 12345, which is neither root, nor this user, nor the owner of the folder`;
    for (const [uid, mode] of [
      [0, 0o755],
      [NOBODY, 0o755],
      [0, 0o1777],
      [OTHER, 0o1777],
    ] as const) {
      owned(uid, mode);
      expect(distrust(peer.path)).toBe(error);
    }
    expect(await askControl(peer.path, { method: "POST", route: "/drain" }, 5000)).toEqual({ error });
    expect(peer.asked()).toBe(false);
  },
  30_000,
);

asRoot(
  "no process is trusted where other users may replace the socket",
  async () => {
    await using peer = await listensAs(0);
    for (const [uid, mode, gid] of [
      [0, 0o777, 0],
      [OTHER, 0o757, OTHER],
      [0, 0o775, NOBODY],
    ] as const) {
      owned(uid, mode, gid);
      expect(distrust(peer.path)).toBe(
        `${peer.path} is not trusted: other users may write to ${at} and replace the socket; set its sticky bit, or use a directory of mode 0755`,
      );
    }
    owned(0, 0o755);
    chmodSync(folder.path, 0o777); // so that the folder itself could be replaced
    expect(distrust(peer.path)).toContain(`other users may write to ${folder.path} `);
  },
  30_000,
);

test("a path without a process behind it is not distrusted", () => {
  expect(distrust(join(at, "none.sock"))).toBeUndefined();
});
