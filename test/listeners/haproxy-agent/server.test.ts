// The agent as its clients see it: real sockets, with clients that misbehave too.

import { expect, test } from "bun:test";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import type { Verdict } from "../../../src/checks/check.ts";
import type { DrainState } from "../../../src/drain/state.ts";
import {
  type Agent,
  type AgentOptions,
  MOST_CONNECTIONS,
  startAgent,
} from "../../../src/listeners/haproxy-agent/server.ts";
import { ListenError } from "../../../src/listeners/listen.ts";
import { type Address, parseAddress } from "../../../src/net/address.ts";
import { fakeClock } from "../../monitor/fakes.ts";
import { collectLines } from "../../support/child.ts";
import { converse, type Target } from "../../support/converse.ts";
import { loopbackAddress } from "../../support/loopback.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const UP: Verdict = { healthy: true, failing: [], at: 0 };
const DOWN: Verdict = { healthy: false, failing: [{ name: "database", reason: "timeout" }], at: 0 };
const DRAINED: DrainState = { stopping: false, drain: { since: 0 } };
const IN_MAINTENANCE: DrainState = { stopping: false, maintenance: { since: 0, until: 1 } };

interface Running extends AsyncDisposable {
  readonly agent: Agent;
  readonly target: Target;
  readonly faults: Error[];
  drainState: DrainState | undefined;
  verdict: AgentOptions["verdict"];
  /** The answer to a client that connects and sends `data`. */
  ask(data?: string): Promise<string>;
}

async function run(listener = "127.0.0.1:0", given: Partial<AgentOptions> = {}): Promise<Running> {
  const faults: Error[] = [];
  const none = () => {};
  const agent = await startAgent({
    address: parseAddress(listener, 0) as Address,
    verdict: (signal) => it.verdict(signal),
    drainState: () => it.drainState,
    directory: undefined,
    log: { error: none, warning: none, info: none, debug: none, verbose: false },
    onFault: (error) => faults.push(error),
    ...given,
  });
  const { address } = agent;
  const target =
    address.family === "unix"
      ? { unix: address.path }
      : { hostname: address.host === "0.0.0.0" ? "127.0.0.1" : address.host, port: address.port };
  const it: Running = {
    agent,
    target,
    faults,
    drainState: undefined,
    verdict: async () => UP,
    ask: (data = "") => converse(target, data),
    [Symbol.asyncDispose]: agent.stop,
  };
  return it;
}

test("each connection gets the health at that time, and is closed", async () => {
  await using it = await run();
  expect(await it.ask()).toBe("up\n");
  it.verdict = async () => DOWN;
  expect(await it.ask()).toBe("down #database timeout\n");
  it.verdict = async () => UP;
  expect(await it.ask()).toBe("up\n");
});

test("no verdict is formed while the host is drained; maintenance hides a drain; after both the peer gets ready", async () => {
  await using it = await run();
  let asked = 0;
  it.verdict = async () => {
    asked++;
    return asked % 2 === 1 ? UP : DOWN;
  };
  it.drainState = DRAINED;
  expect(await it.ask()).toBe("drain\n");
  it.drainState = { ...IN_MAINTENANCE, ...DRAINED };
  expect(await it.ask()).toBe("maint\n");
  it.drainState = { ...DRAINED, stopping: true };
  expect(await it.ask()).toBe("drain\n"); // the next daemon is drained too
  expect(asked).toBe(0);
  it.drainState = undefined;
  expect(await it.ask()).toBe("ready up\n");
  expect(await it.ask()).toBe("ready down #database timeout\n");
  const last = await until(async () => {
    const line = await it.ask();
    return !line.startsWith("ready") && line;
  });
  expect(last).toMatch(/^(up|down #database timeout)\n$/);
});

test("the reason of a drain follows the health that the peer got before, which HAProxy needs to show it", async () => {
  await using it = await run();
  const drained: DrainState = { stopping: false, drain: { since: 0, reason: "new kernel" } };
  let asked = 0;
  it.verdict = async () => {
    asked++;
    return DOWN;
  };
  it.drainState = drained;
  // It is judged once, since no health is known.
  for (let time = 0; time < 2; time++) expect(await it.ask()).toBe("drain down #new kernel\n");
  expect(asked).toBe(1);
  for (const [verdict, word] of [
    [UP, "up"],
    [DOWN, "down"],
  ] as const) {
    it.verdict = async () => verdict;
    it.drainState = undefined;
    await it.ask();
    it.drainState = drained;
    expect(await it.ask()).toBe(`drain ${word} #new kernel\n`);
    it.drainState = { ...drained, maintenance: { since: 0, until: 1, reason: "disk swap" } };
    expect(await it.ask()).toBe(`maint ${word} #disk swap\n`);
  }
});

test("a peer that never got drain never gets ready", async () => {
  await using it = await run("0.0.0.0:0");
  it.drainState = DRAINED;
  const { port } = it.target as { port: number };
  expect(await converse({ hostname: "127.0.0.1", port }, "")).toBe("drain\n");
  it.drainState = undefined;
  expect(await converse({ hostname: "::1", port }, "")).toBe("up\n");
  expect(await converse({ hostname: "127.0.0.1", port }, "")).toBe("ready up\n");
});

test("a daemon that stops answers stopped, which the up of the next daemon ends", async () => {
  await using it = await run();
  it.drainState = { stopping: true };
  expect(await it.ask()).toBe("stopped #health-checker is stopping\n");
});

test("a drain that begins while the verdict is pending is answered", async () => {
  await using it = await run();
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  let asked = false;
  it.verdict = () => {
    asked = true;
    return promise;
  };
  const answer = it.ask();
  await until(() => asked);
  it.drainState = DRAINED;
  resolve(UP);
  expect(await answer).toBe("drain\n");
});

test("a drain that ends while the verdict for its line is pending is not answered", async () => {
  await using it = await run();
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  let asked = false;
  it.verdict = () => {
    asked = true;
    return promise;
  };
  it.drainState = { stopping: false, drain: { since: 0, reason: "new kernel" } };
  const answer = it.ask();
  await until(() => asked);
  it.drainState = undefined;
  resolve(UP);
  expect(await answer).toBe("up\n");
});

test("a verdict that throws or rejects is answered as down, and reported", async () => {
  await using it = await run();
  it.verdict = () => {
    throw new Error("at once");
  };
  expect(await it.ask()).toBe("down #at least one health check failed\n");
  it.verdict = () => Promise.reject("later");
  expect(await it.ask()).toBe("down #at least one health check failed\n");
  expect(it.faults.map(({ message }) => message)).toEqual(["at once", "later"]);
});

/** Connects and sends, waits until the answer and its end have arrived, sends more, then reads: a reset is an error. */
const LATE_READER = `
import fcntl, select, socket, sys, termios
port, size, half = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "half"
s = socket.create_connection(("127.0.0.1", port), 10)
s.sendall(b"x" * size)
if half: s.shutdown(socket.SHUT_WR)
print("sent", flush=True)
ended = select.poll()
ended.register(s, select.POLLRDHUP)
ended.poll(20000)
if not half: s.sendall(b"y" * size)
unacknowledged = lambda: int.from_bytes(fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
while unacknowledged() > 0: select.select([], [], [], 0.01)
answer = b""
while True:
    part = s.recv(100)
    if not part: break
    answer += part
print(answer.decode(), end="")
`;

test("data from the peer is ignored and resets no connection, before or after the answer, half-closed or not", async () => {
  // The clock stands still, so that the connection of a slow reader is not closed.
  await using it = await run("127.0.0.1:0", { clock: fakeClock() });
  const peers = [
    [0, "open"],
    [10, "open"],
    [200_000, "open"],
    [0, "half"],
    [10, "half"],
  ] as const;
  for (const isLate of [false, true]) {
    const outputs: (readonly string[])[] = [];
    const allSent = () => outputs.filter(([first]) => first === "sent").length === peers.length;
    it.verdict = () => (isLate ? until(allSent).then(() => UP) : Promise.resolve(UP));
    await Promise.all(
      peers.map(async ([size, end]) => {
        const { port } = it.target as { port: number };
        const reader = Bun.spawn(["python3", "-c", LATE_READER, `${port}`, `${size}`, end], { stderr: "pipe" });
        const out = collectLines(reader.stdout);
        outputs.push(out);
        const error = await reader.stderr.text();
        await until(() => out.length === 2 || error);
        expect({ size, end, out, error }).toEqual({ size, end, out: ["sent", "up"], error: "" });
      }),
    );
  }
});

test("a peer that disconnects before its answer ends the wait for the verdict", async () => {
  await using it = await run();
  let signal: AbortSignal | undefined;
  it.verdict = (given) => {
    signal = given;
    return new Promise(() => {});
  };
  const reset =
    "import socket,struct,sys,time\ns=socket.create_connection(('127.0.0.1',int(sys.argv[1])))\nsys.stdin.read()\n";
  const linger = "s.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack('ii',1,0)); s.close()";
  const port = String((it.target as { port: number }).port);
  const client = Bun.spawn(["python3", "-c", reset + linger, port], { stdin: "pipe" });
  await until(() => signal);
  expect(signal?.aborted).toBe(false);
  await client.stdin.end();
  await until(() => signal?.aborted);
});

/** Opens a number of connections, reads from none, and for each line of its input prints how many are open. */
const HOLDER = `
import socket, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held = []
for _ in range(count):
    s = socket.create_connection((host, port)); s.setblocking(False); held.append(s)
print("held", flush=True)
for line in sys.stdin:
    alive = 0
    for s in held:
        try:
            s.send(b"x"); alive += 1
        except OSError: pass
    print(alive, flush=True)
`;

test("connections that are held open are limited in number and in time, and delay no other answer", async () => {
  const clock = fakeClock();
  // An address of its own, so that connections of other tests are not counted.
  const host = loopbackAddress();
  await using it = await run(`${host}:0`, { clock });
  const port = String((it.target as { port: number }).port);
  const holder = Bun.spawn(["python3", "-c", HOLDER, host, port, String(MOST_CONNECTIONS + 50)], { stdin: "pipe" });
  try {
    const lines = collectLines(holder.stdout);
    await until(() => lines[0] === "held");
    const alive = async () => {
      const seen = lines.length;
      holder.stdin.write("?\n");
      holder.stdin.flush();
      await until(() => lines.length > seen);
      return Number(lines.at(-1));
    };
    await until(async () => (await alive()) <= MOST_CONNECTIONS);
    expect(await it.ask()).toBe("up\n");
    expect(await alive()).toBeGreaterThan(MOST_CONNECTIONS / 2);
    await clock.pass(2000);
    await until(async () => (await alive()) === 0);
  } finally {
    holder.kill();
    await holder.exited;
  }
});

test("an address that floods the agent evicts its own connections, not one that waits for a slow verdict", async () => {
  const host = loopbackAddress();
  await using it = await run(`${host}:0`);
  const { promise: verdict, resolve } = Promise.withResolvers<Verdict>();
  let asked = 0;
  it.verdict = () => {
    asked++;
    return verdict;
  };
  const answer = it.ask();
  await until(() => asked === 1);
  const { port } = it.target as { port: number };
  const flood = Array.from({ length: 2 * MOST_CONNECTIONS }, () =>
    createConnection({ host, port, localAddress: "127.0.0.2" }).on("error", () => {}),
  );
  try {
    await until(() => asked === 1 + flood.length);
    resolve(UP);
    expect(await answer).toBe("up\n");
  } finally {
    for (const socket of flood) socket.destroy();
  }
});

test("stop ends the connections that wait, accepts no more, and frees the port", async () => {
  const it = await run();
  let asked = false;
  it.verdict = () => {
    asked = true;
    return new Promise(() => {});
  };
  const waiting = it.ask();
  await until(() => asked);
  await it.agent.stop();
  expect(await waiting).toBe("");
  expect(it.ask()).rejects.toThrow();
  const { address } = it.agent;
  await using next = await run(address.family === "tcp" ? `127.0.0.1:${address.port}` : "");
  expect(await next.ask()).toBe("up\n");
});

test("on a unix socket all clients are one peer", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "agent.sock");
  const it = await run(`unix:${path}`);
  it.drainState = DRAINED;
  expect(await it.ask()).toBe("drain\n");
  it.drainState = undefined;
  expect(await it.ask()).toBe("ready up\n");
  await it.agent.stop();
  expect(await Bun.file(path).exists()).toBe(false);
});

test("a listener that cannot be opened is an error of one line", async () => {
  const taken = createServer();
  await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
  const { port } = taken.address() as { port: number };
  for (const [listener, message] of [
    [`127.0.0.1:${port}`, `cannot listen on 127.0.0.1:${port}: it is in use by another process`],
    ["192.0.2.1:0", "cannot listen on 192.0.2.1:0: this host has no such address"],
    ["no.such.invalid:0", "cannot listen on no.such.invalid:0: this host has no such name or address"],
  ] as const) {
    const failure = await run(listener).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ListenError);
    expect((failure as ListenError).message).toBe(message);
  }
  taken.close();
});
