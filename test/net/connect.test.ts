// A completed handshake is up, whatever follows; nothing else is; and nothing of an
// attempt is left. Both ways to connect keep the same rules.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { connect, preparePeer } from "../../src/net/connect.ts";
import { attemptByNet } from "../../src/net/connect-portable.ts";
import { type Failure, failed } from "../../src/outcome.ts";
import type { Abortable } from "../../src/system/abort.ts";
import { startChild } from "../support/child.ts";
import { freePort } from "../support/listeners.ts";
import { asRoot } from "../support/needs.ts";
import { connectionsTo, handshakesTo } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { blockUntil, until } from "../support/until.ts";
import { type Accepted, type Heard, listenRaw } from "./raw-socket.ts";

type Connect = (address: Address, signal: AbortSignal) => Promise<Failure | undefined> | Failure | undefined;

const ways: readonly (readonly [string, Connect])[] = [
  ["by system calls", (address, signal) => connect(preparePeer(address), { signal })],
  ["by node:net", (address, signal) => connect({ address }, { signal })],
];

const never = new AbortController().signal;
const PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range";
const v4 = (port: number): Address => ({ family: "tcp", host: "127.0.0.1", port });
const v6 = (port: number): Address => ({ family: "tcp", host: "::1", port });
const unix = (path: string): Address => ({ family: "unix", path });

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

const descriptors = () => readdirSync("/proc/self/fd").length;

/** Resolves when as many descriptors are open as were `before`. */
const closedAgain = (before: number) => until(() => descriptors() <= before, 5000, `${before} descriptors`);

describe.each(ways)("%s", (_way, connectTo) => {
  /** The first use loads and opens what stays. */
  const warmUp = () => connectTo(v4(1), AbortSignal.abort());

  test("a peer that listens is up, on each family", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "s");
    for (const [where, address] of [
      [{ family: "v4" }, v4],
      [{ family: "v6" }, v6],
      [{ family: "unix", path }, () => unix(path)],
    ] as const) {
      using peer = listenRaw(where);
      const before = descriptors();
      expect(await connectTo(address(peer.port), never)).toBeUndefined();
      await closedAgain(before);
    }
  });

  test("a port without a listener is refused", async () => {
    const address = v4(await freePort());
    await warmUp();
    const before = descriptors();
    expect(await connectTo(address, never)).toEqual({
      ok: false,
      reason: "refused",
      message: `${formatAddress(address)} refused the connection`,
    });
    await closedAgain(before);
  });

  test("a socket path that is missing, has no listener or is not a socket is refused", async () => {
    await using folder = await tempFolder();
    const missing = join(folder.path, "missing");
    expect(await connectTo(unix(missing), never)).toEqual({
      ok: false,
      reason: "refused",
      message: `unix:${missing} does not exist`,
    });
    const deserted = join(folder.path, "deserted");
    listenRaw({ family: "unix", path: deserted })[Symbol.dispose]();
    const file = await folder.write("file", "");
    for (const [path, cause] of [
      [deserted, "refused the connection: no program listens on it; the file may be left over"],
      [file, "refused the connection: it is a regular file, not a socket"],
      [folder.path, "refused the connection: it is a folder, not a socket"],
      [join(folder.path, "no/s"), `does not exist: the folder ${folder.path}/no does not exist`],
    ] as const) {
      expect(await connectTo(unix(path), never)).toEqual({
        ok: false,
        reason: "refused",
        message: `unix:${path} ${cause}`,
      });
    }
  });

  test("a peer that drops handshakes is waited for until the abort, and nothing of the attempt is left", async () => {
    using peer = listenRaw({ family: "v4" }, 0);
    peer.fill();
    await warmUp();
    const before = descriptors();
    const cut = new AbortController();
    const attempts = Array.from({ length: 50 }, () => connectTo(v4(peer.port), cut.signal));
    await until(() => handshakesTo(peer.port) === 50, 30_000, "50 handshakes on their way");
    cut.abort();
    for (const failure of await Promise.all(attempts)) {
      expect(failure).toEqual({ ok: false, reason: "timeout", message: `127.0.0.1:${peer.port} did not accept` });
    }
    await closedAgain(before);
    await until(() => handshakesTo(peer.port) === 0, 30_000, "no handshake on its way");
  });

  test("an attempt that is aborted before it begins opens nothing", async () => {
    using peer = listenRaw({ family: "v4" });
    await warmUp();
    const before = descriptors();
    expect(await connectTo(v4(peer.port), AbortSignal.abort())).toMatchObject({ reason: "timeout" });
    expect(descriptors()).toBe(before);
    expect(peer.accept()).toBeUndefined();
  });

  test("a peer that resets at once is up, 400 times of 400", async () => {
    await using resetter = await startResetter();
    await warmUp();
    const before = descriptors();
    for (let round = 0; round < 4; round++) {
      const attempts = Array.from({ length: 100 }, () => connectTo(v4(resetter.port), new AbortController().signal));
      // Half of the rounds look only after the resets have come.
      if (round % 2 === 1) blockUntil(() => connectionsTo(resetter.port).length === 0);
      expect(await Promise.all(attempts)).toEqual(Array(100).fill(undefined));
    }
    await closedAgain(before);
  }, 120_000);

  test("the peer reads an end, not a reset", async () => {
    using peer = listenRaw({ family: "v4" });
    for (let count = 0; count < 20; count++) {
      expect(await connectTo(v4(peer.port), never)).toBeUndefined();
      const accepted = await until(() => peer.accept());
      expect(await until(() => wayToGo(accepted.hear()))).toBe("fin");
      accepted.close();
    }
  });

  test("the peer reads an end, not a reset, also when it greeted with 60,000 bytes before it was left", async () => {
    using peer = listenRaw({ family: "v4" }, 0);
    peer.fill();
    const attempt = connectTo(v4(peer.port), AbortSignal.timeout(20_000));
    await until(() => handshakesTo(peer.port) === 1, 30_000, "the handshake on its way");
    // Now the place is free, and the next try of the handshake, a second later, gets through. The loop
    // stands still meanwhile, so that the greeting is there before the probe sees that it is connected.
    const filler = peer.accept();
    let accepted: Accepted | undefined;
    blockUntil(() => {
      accepted = peer.accept();
      return accepted !== undefined;
    });
    accepted?.send("x".repeat(60_000));
    blockUntil(() => connectionsTo(peer.port).some(({ unreadBytes }) => unreadBytes > 0));
    expect(await attempt).toBeUndefined();
    expect(await until(() => accepted && wayToGo(accepted.hear()))).toBe("fin");
    accepted?.close();
    filler?.close();
  }, 30_000);
});

test("a handshake that was complete before the abort is up, though the loop had no turn to see it", async () => {
  using peer = listenRaw({ family: "v4" });
  const cut = new AbortController();
  const attempt = connect(preparePeer(v4(peer.port)), cut);
  let accepted: Accepted | undefined;
  blockUntil(() => {
    accepted = peer.accept();
    return accepted !== undefined;
  });
  cut.abort();
  expect(await attempt).toBeUndefined();
  accepted?.close();
});

/** For what is known at once: it needs no signal. */
const untouched: Abortable = {
  isAborted: false,
  get signal(): never {
    throw new Error("the signal was asked for");
  },
};

test("what one look tells is told without a promise and without a signal: up, refused, no such socket", async () => {
  using peer = listenRaw({ family: "v4" });
  const refused = v4(await freePort());
  expect(connect(preparePeer(v4(peer.port)), untouched)).toBeUndefined();
  for (const address of [refused, unix("/no/such/socket")]) {
    expect(connect(preparePeer(address), untouched)).toMatchObject({ ok: false, reason: "refused" });
  }
  await nextTurn();
});

test("a connection is closed a turn later, so after the answer has left", async () => {
  using peer = listenRaw({ family: "v4" });
  await nextTurn();
  const before = descriptors();
  connect(preparePeer(v4(peer.port)), untouched);
  expect(descriptors()).toBe(before + 1);
  await nextTurn();
  expect(descriptors()).toBe(before);
});

test("of many attempts at once 128 are made in a turn of the loop", async () => {
  using peer = listenRaw({ family: "v4" }, 512);
  const prepared = preparePeer(v4(peer.port));
  await nextTurn();
  const attempts = Array.from({ length: 150 }, () => connect(prepared, { signal: never }));
  expect(attempts.filter((attempt) => attempt instanceof Promise)).toHaveLength(22);
  expect(await Promise.all(attempts)).toEqual(Array(150).fill(undefined));
});

test("an attempt that is aborted before its turn comes opens nothing", async () => {
  using peer = listenRaw({ family: "v4" }, 512);
  const prepared = preparePeer(v4(peer.port));
  await nextTurn();
  const cut = new AbortController();
  const attempts = Array.from({ length: 134 }, () => connect(prepared, cut));
  cut.abort();
  const failures = (await Promise.all(attempts)).filter((failure) => failure !== undefined);
  expect(failures).toEqual(Array(6).fill(failed("timeout", `127.0.0.1:${peer.port} did not accept`)));
});

// By node:net the runtime gives the code ECONNREFUSED for this too, so there it is down.
test("a unix socket whose backlog is full is waited for until the abort", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "s");
  using peer = listenRaw({ family: "unix", path }, 0);
  peer.fill();
  const before = descriptors();
  const signal = AbortSignal.timeout(50);
  expect(await connect(preparePeer(unix(path)), { signal })).toEqual({
    ok: false,
    reason: "timeout",
    message: `unix:${path} did not accept`,
  });
  expect(signal.aborted).toBe(true);
  await closedAgain(before);
});

test("a unix socket whose backlog has a place again is up", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "s");
  using peer = listenRaw({ family: "unix", path }, 0);
  peer.fill();
  const attempt = connect(preparePeer(unix(path)), { signal: AbortSignal.timeout(10_000) });
  await new Promise((resolve) => setImmediate(resolve));
  expect(peer.accept()).toBeDefined();
  expect(await attempt).toBeUndefined();
}, 15_000);

test("an address without a name is prepared for the system call", () => {
  for (const host of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
    expect(preparePeer({ family: "tcp", host, port: 80 }).sockaddr).toBeDefined();
  }
  expect(preparePeer({ family: "unix", path: "/x" }).sockaddr).toBeDefined();
});

test("an address with a zone is reached", async () => {
  using peer = listenRaw({ family: "v6" });
  expect(
    await connect(preparePeer({ family: "tcp", host: "::1%lo", port: peer.port }), { signal: never }),
  ).toBeUndefined();
});

test("an address without a route is unreachable, with the code of the error", async () => {
  // Refused by the kernel itself; nothing is sent.
  const failure = await connect(preparePeer({ family: "tcp", host: "255.255.255.255", port: 80 }), {
    signal: AbortSignal.timeout(5000),
  });
  expect(failure).toEqual({
    ok: false,
    reason: "unreachable",
    message: expect.stringMatching(/^255\.255\.255\.255:80 cannot be reached \(E\w+\)$/),
  });
});

test("5,000 attempts leave no descriptor", async () => {
  using peer = listenRaw({ family: "v4" }, 128);
  const refused = v4(await freePort());
  const before = descriptors();
  for (let count = 0; count < 100; count++) {
    const attempts = Array.from({ length: 50 }, (_, index) =>
      connect(preparePeer(index % 2 === 0 ? v4(peer.port) : refused), { signal: never }),
    );
    const failures = await Promise.all(attempts);
    expect(failures.filter((failure) => failure === undefined)).toHaveLength(25);
    for (let next = peer.accept(); next; next = peer.accept()) next.close();
  }
  await closedAgain(before);
}, 120_000);

test("node's attempt ends at once when it is aborted, connected or not", async () => {
  using peer = listenRaw({ family: "v4" }, 0);
  peer.fill();
  const cut = new AbortController();
  const attempt = attemptByNet(v4(peer.port), cut.signal);
  cut.abort();
  expect(await attempt).toBe("aborted");
});

/** Root has a network of its own for it, with four ports; another user tries what this one has, which takes long. */
const [inNetwork, attempts] =
  process.getuid?.() === 0
    ? [["unshare", "--net", "sh", "-c", `ip link set lo up && echo 40000 40003 >${PORT_RANGE} && exec "$@"`, "sh"], 100]
    : [[], 20_000];

test.each([
  ["system", "127.0.0.1"],
  ["system", "::1"],
  ["node", "127.0.0.1"],
  ["node", "::1"],
])(
  "a socket that met itself is down (%s, %s)",
  async (way, host) => {
    const fixture = join(import.meta.dir, "../fixtures/meets-itself.ts");
    const words = [...inNetwork, process.execPath, fixture, way, host, String(attempts)];
    await using child = startChild(words);
    expect(await child.exited).toBe(0);
    await child.ended;
    const where = host === "::1" ? "[::1]:PORT" : "127.0.0.1:PORT";
    const seen: unknown[] = JSON.parse(child.out.join(""));
    expect(seen.pop()).toEqual(failed("refused", `nothing listens on ${where}; the probe connected to itself`));
    // Until then.
    for (const outcome of seen) expect(outcome).toEqual(failed("refused", `${where} refused the connection`));
  },
  120_000,
);

/** A network whose other end is silent; with the address of a card known, its host drops handshakes. */
const FAR = [
  "ip link set lo up",
  "ip link add name near0 type veth peer name far0",
  "ip addr add 192.0.2.1/24 dev near0",
  "ip link set near0 up",
  "ip link set far0 up",
].join(" && ");
const DROPPING = [
  FAR,
  "ip neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev near0",
  "echo 1 >/proc/sys/net/ipv4/tcp_syn_retries",
].join(" && ");

for (const [host, reason, message, prepare] of [
  ["192.0.2.2", "unreachable", "192.0.2.2:80 cannot be reached (EHOSTUNREACH)", FAR],
  ["192.0.2.3", "timeout", "192.0.2.3:80 did not accept before the kernel gave up", DROPPING],
] as const) {
  asRoot(
    `a connect that fails after a while says why: ${reason}`,
    async () => {
      const fixture = join(import.meta.dir, "../fixtures/connects.ts");
      const inNetwork = ["unshare", "--net", "sh", "-c", `${prepare} && exec "$@"`, "sh"];
      await using child = startChild([...inNetwork, process.execPath, fixture, host, "80"]);
      expect(await child.exited).toBe(0);
      await child.ended;
      expect(JSON.parse(child.out.join(""))).toEqual({ ok: false, reason, message });
    },
    30_000,
  );
}

/** How the peer has gone, once that is known. */
const wayToGo = (heard: Heard) =>
  heard === "fin" || (typeof heard === "object" && "errno" in heard) ? heard : undefined;

async function startResetter(): Promise<{ readonly port: number } & AsyncDisposable> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../fixtures/resets.ts")], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return {
    port: Number(new TextDecoder().decode(value)),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}
