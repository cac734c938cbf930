// Names whose resolver hangs, dies and comes back, in a network of the test's own.

import { expect } from "bun:test";
import { join } from "node:path";
import { plainEnvironment } from "../support/child.ts";
import { asRoot } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";

/** Runs the fixture where /etc/resolv.conf and /etc/hosts are the test's. */
async function inNetwork(): Promise<unknown> {
  await using folder = await tempFolder();
  const resolvConf = await folder.write("resolv.conf", "nameserver 127.0.0.53\noptions timeout:2 attempts:1\n");
  const hosts = await folder.write("hosts", "127.0.0.1 localhost\n127.0.0.1 two.hosts\n127.0.0.2 two.hosts\n");
  const setup = [
    "set -e",
    "ip link set lo up",
    `mount --bind ${resolvConf} /etc/resolv.conf`,
    `mount --bind ${hosts} /etc/hosts`,
    // A cache of names of this host's would answer through its socket.
    "if [ -d /run/nscd ]; then mount -t tmpfs none /run/nscd; fi",
    'exec "$0" "$@"',
  ].join("\n");
  const fixture = join(import.meta.dir, "../fixtures/names.ts");
  const command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", setup];
  const child = Bun.spawn([...command, process.execPath, fixture], { env: plainEnvironment(), stdout: "pipe" });
  return await new Response(child.stdout).json();
}

asRoot(
  "a name keeps its last address while its resolver hangs or is dead, and says so; a name that is gone does not",
  async () => {
    const warning = (why: string) => ({
      ok: true,
      warning: expect.stringMatching(new RegExp(`^${why}; used the address from \\d\\S*s ago$`)),
    });
    expect(await inNetwork()).toEqual({
      good: { ok: true },
      hung: warning("the resolver has not answered for db\\.test"),
      hungAnew: { ok: false, reason: "timeout", message: "looking up db.test (timeout 300ms)" },
      hungUnknown: { ok: false, reason: "timeout", message: "looking up new.test (timeout 300ms)" },
      healthy: { addresses: ["127.0.0.1"] },
      manyHung: 12,
      dead: warning("db\\.test cannot be looked up \\(EAI_AGAIN\\)"),
      deadUnknown: { ok: false, reason: "resolve", message: "new.test cannot be looked up (EAI_AGAIN)" },
      deadAnew: { ok: false, reason: "resolve", message: "db.test cannot be looked up (EAI_AGAIN)" },
      gone: { ok: false, reason: "resolve", message: "db.test has no address (EAI_NONAME)" },
      goneAndDead: { ok: false, reason: "resolve", message: "db.test cannot be looked up (EAI_AGAIN)" },
      first: { ok: true },
      hasty: { ok: true },
    });
  },
  60_000,
);
