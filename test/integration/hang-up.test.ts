// SIGHUP has two senders: who wants the configuration read again, and a terminal that is gone.

import { expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { listener } from "../support/listeners.ts";
import { until } from "../support/until.ts";

/** Runs a command on a pseudo terminal, signals it, closes the terminal; tells of each, and of the command's end. */
const ON_A_TERMINAL = `
import os, pty, resource, signal, sys, time
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def until(text):
    global seen
    while text not in seen: seen += os.read(terminal, 65536)
    print(text.decode(), flush=True)
until(b"INFO check")
os.kill(pid, signal.SIGHUP)
until(b"configuration reloaded")
seen = b""
limits = resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.kill(pid, signal.SIGHUP)
until(b"configuration reloaded")
resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
os.close(terminal)
_, status = os.waitpid(pid, 0)
print("exited", os.waitstatus_to_exitcode(status), flush=True)
`;

test("on a terminal SIGHUP reloads, out of descriptors too, and the end of the terminal ends the daemon", async () => {
  await using peer = await listener();
  const args = [await binary(), "--listener", "127.0.0.1:0", "--port", `${peer.port}`];
  await using child = startChild(["python3", "-c", ON_A_TERMINAL, ...args]);
  await until(() => child.hasExited(), 20_000, `the end; so far: ${child.out.join(", ")}`);
  expect(child.out).toEqual(["INFO check", "configuration reloaded", "configuration reloaded", "exited 0"]);
}, 30_000);
