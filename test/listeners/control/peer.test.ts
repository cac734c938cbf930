// A command that is meant for the daemon goes to no socket of another user's.

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

/** Its socket answers whatever it is asked, as a process of the user. */
async function listensAs(uid: number) {
  const path = join(at, "control.sock");
  const child = Bun.spawn(["python3", "-c", LISTENS, path, `${uid}`], { stdout: "pipe" });
  let said = "";
  void (async () => {
    for await (const chunk of child.stdout) said += Buffer.from(chunk).toString();
  })();
  await until(() => said.includes("listens"));
  return {
    path,
    asked: () => said.includes("asked"),
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
  "the process is believed that is root's, this user's, or that of its folder's owner",
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
  "another user's process is not asked",
  async () => {
    await using peer = await listensAs(OTHER);
    const trouble = `${peer.path} is not used: the process behind it runs as uid 12345, which is neither root, nor this user, nor the owner of its folder`;
    for (const [uid, mode] of [
      [0, 0o755],
      [NOBODY, 0o755],
      [0, 0o1777],
      [OTHER, 0o1777],
    ] as const) {
      owned(uid, mode);
      expect(distrust(peer.path)).toBe(trouble);
    }
    expect(await askControl(peer.path, { method: "POST", route: "/drain" }, 5000)).toEqual({ trouble });
    expect(peer.asked()).toBe(false);
  },
  30_000,
);

asRoot(
  "nobody is believed where other users may put a socket of their own",
  async () => {
    await using peer = await listensAs(0);
    for (const [uid, mode, gid] of [
      [0, 0o777, 0],
      [OTHER, 0o757, OTHER],
      [0, 0o775, NOBODY],
    ] as const) {
      owned(uid, mode, gid);
      expect(distrust(peer.path)).toBe(
        `${peer.path} is not used: other users may write to ${at} and put a socket of their own in its place`,
      );
    }
    owned(0, 0o755);
    chmodSync(folder.path, 0o777); // so that the folder itself could be replaced
    expect(distrust(peer.path)).toContain(`other users may write to ${folder.path} `);
  },
  30_000,
);

test("where nobody listens there is nobody to distrust", () => {
  expect(distrust(join(at, "none.sock"))).toBeUndefined();
});
