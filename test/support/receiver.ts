// What systemd is to the daemon: a unix datagram socket in another process, which the
// kernel tells who sent.

import { startChild } from "./child.ts";
import { until } from "./until.ts";

export interface Notice {
  /** Milliseconds by the receiver's own clock. */
  readonly at: number;
  /** Of the sender, as the kernel says. */
  readonly pid: number;
  readonly text: string;
}

export interface Receiver extends AsyncDisposable {
  /** What the daemon finds in NOTIFY_SOCKET. */
  readonly socket: string;
  /** What came so far, without what the receiver filled its own queue with. */
  notices(): readonly Notice[];
  /** The first notice whose text matches, from the start or from the `from`th on. */
  received(pattern: RegExp | string, timeoutMs?: number, from?: number): Promise<Notice>;
  /** Of one that is full: it begins to take what is there. */
  drain(): void;
}

const PROGRAM = `
import json, signal, socket, struct, sys, time
name, full = sys.argv[1], sys.argv[2] == "full"
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
address = "\\0" + name[1:] if name.startswith("@") else name
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
inbox.bind(address)
if full:
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    try:
        while True: filler.sendto(b"FILLER", address)
    except BlockingIOError: pass
print("bound", flush=True)
if full: signal.sigwait([signal.SIGUSR1])
while True:
    data, extra, _, _ = inbox.recvmsg(65536, socket.CMSG_SPACE(12))
    at = time.monotonic() * 1000
    if data == b"FILLER": continue
    pid = struct.unpack("3i", extra[0][2])[0]
    print(json.dumps({"at": at, "pid": pid, "text": data.decode()}), flush=True)
`;

/** `socket` is a path or an @name; one that starts `full` takes nothing until `drain`. */
export async function startReceiver(socket: string, start: "empty" | "full" = "empty"): Promise<Receiver> {
  const child = startChild(["python3", "-c", PROGRAM, socket, start]);
  const notices = () => child.out.slice(1).map((line) => JSON.parse(line) as Notice);
  await until(() => child.out.length > 0, 10_000, "the receiver to be bound").catch((error) => {
    throw new Error([error.message, ...child.err].join("\n"));
  });
  return {
    socket,
    notices,
    received(pattern, timeoutMs = 10_000, from = 0) {
      const matches = ({ text }: Notice) => (typeof pattern === "string" ? text.includes(pattern) : pattern.test(text));
      return until(() => notices().slice(from).find(matches), timeoutMs, `a notice that matches ${pattern}`).catch(
        (error) => {
          throw new Error([error.message, "received:", ...child.out, ...child.err].join("\n"));
        },
      );
    },
    drain: () => child.kill("SIGUSR1"),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
