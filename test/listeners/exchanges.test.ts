// Slow answers, answers in parts, bodies and signals, which rely on undocumented names of the runtime.

import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { serveBounded } from "../../src/listeners/bounded.ts";
import { type Answer, type ExchangeOptions, type ExchangeRequest, Exchanges } from "../../src/listeners/exchanges.ts";
import type { RequestObserver } from "../../src/status/recorder.ts";
import { clock } from "../../src/system/clock.ts";
import { converse } from "../support/converse.ts";
import { tempFolder } from "../support/temp.ts";
import { hasPassed, until } from "../support/until.ts";

const IDLE_S = 1;

/** The runtime looks for idle connections every four seconds. */
const SURELY_IDLE_MS = 6000;

/** A client that closes its side so long after its request has given up. */
const GAVE_UP_MS = 500;

const text = (body: string) => ({ status: 200, headers: {}, body });

/** `host` is an address, or the path of a unix socket. */
function serve(options: Partial<ExchangeOptions>, host = "127.0.0.1") {
  const answering = new Exchanges({
    answer: () => text("OK"),
    onError: () => ({ ...text("a fault"), status: 500 }),
    onRefused() {},
    answersEvery: true,
    idleTimeoutS: IDLE_S,
    mayTakeLonger: () => false,
    ...options,
  });
  const { server, cut } = serveBounded(
    host.startsWith("/") ? { family: "unix", path: host } : { family: "tcp", host, port: 0 },
    {
      answering,
      idleTimeoutS: IDLE_S,
      maxConnections: () => 100,
      onCrowded() {},
      onFault() {},
    },
  );
  return { hostname: "127.0.0.1", port: server.port ?? 0, [Symbol.asyncDispose]: cut };
}

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const FINAL_GET = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

test("an answer may take longer than a connection may be idle", async () => {
  const answer = () => until(hasPassed(SURELY_IDLE_MS)).then(() => text("late"));
  await using server = serve({ answer, mayTakeLonger: () => true });
  expect(await converse(server, FINAL_GET)).toEndWith("\r\n\r\nlate");
});

test("a fault while an answer is made is answered by onError, at once or later", async () => {
  const fault = new Error("a fault");
  const faults: unknown[] = [];
  const onError = (error: unknown) => {
    faults.push(error);
    return { ...text("a fault"), status: 500 };
  };
  const answers = [
    () => {
      throw fault;
    },
    () => Promise.reject(fault),
  ];
  for (const answer of answers) {
    await using server = serve({ answer, onError });
    expect(await converse(server, FINAL_GET)).toMatch(/^HTTP\/1\.1 500 .*a fault$/s);
  }
  expect(faults).toEqual([fault, fault]);
});

test("a header is found by its name, whatever its case, at once or later; one that was sent twice is joined", async () => {
  const names = ["host", "x-one", "x-none"];
  const found = (request: ExchangeRequest) => text(JSON.stringify(names.map((name) => request.header(name) ?? null)));
  const answers: readonly ExchangeOptions["answer"][] = [
    found,
    async (request) => {
      await Bun.sleep(0);
      return found(request);
    },
  ];
  for (const answer of answers) {
    await using server = serve({ answer });
    const sent = "GET / HTTP/1.1\r\nHOST: x\r\nX-One:  a \r\nx-one: b\r\nConnection: close\r\n\r\n";
    expect(await converse(server, sent)).toEndWith('\r\n\r\n["x","a, b",null]');
  }
});

test("each part of an answer is sent as soon as it is there; a request that comes meanwhile is dropped", async () => {
  const next = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
  async function* parts() {
    for (const { promise } of next) yield await promise;
  }
  await using server = serve({ answer: async () => ({ status: 200, headers: {}, body: parts() }) });
  let answer = "";
  const whole = converse(server, `${GET}${GET}`, (received) => {
    answer = received;
    return false;
  });
  next[0].resolve("first");
  await until(() => answer.endsWith("\r\n5\r\nfirst\r\n"));
  next[1].resolve("last");
  expect(await whole).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n$/s);
});

test("a fault between two parts closes the connection, and no more parts are requested for a client that disconnects", async () => {
  const faults: unknown[] = [];
  const onError = (error: unknown) => {
    faults.push(error);
    return text("");
  };
  const fault = new Error("a fault");
  const { promise: gone, resolve: hasGone } = Promise.withResolvers<void>();
  let ended = 0;
  async function* parts({ url, signal }: ExchangeRequest) {
    try {
      yield "first";
      if (url === "/fault") throw fault;
      signal.addEventListener("abort", () => hasGone());
      await gone;
      yield "second";
      throw new Error("a part was requested for a client that has gone");
    } finally {
      ended++;
    }
  }
  await using server = serve({
    answer: async (asked) => ({ status: 200, headers: {}, body: parts(asked) }),
    onError,
  });
  const answer = await converse(server, GET.replace("/", "/fault"));
  expect(answer).not.toEndWith("0\r\n\r\n");
  expect(faults).toEqual([fault]);
  const client = connect(server.port, server.hostname);
  client.write(GET);
  await new Promise((first) => client.once("data", first));
  client.resetAndDestroy();
  await until(() => ended === 2);
  expect(faults).toEqual([fault]);
});

test("a body is read to its end or until it is too long, and is undefined if its client disconnects", async () => {
  const bodies: (string | undefined)[] = [];
  await using server = serve({
    answer: async (asked) => {
      const body = (await asked.readBody(5))?.toString();
      bodies.push(body);
      return text("OK");
    },
  });
  const post = (length: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
  const client = connect(server.port, server.hostname);
  client.setNoDelay();
  const send = async (words: string) => {
    const answered = new Promise((answer) => client.once("data", answer));
    client.write(words);
    await answered;
  };
  await send(GET);
  await send(post(0));
  await send(`${post(5)}whole`);
  await send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nin\r\n3\r\ntwo\r\n0\r\n\r\n");
  await send(`${post(100)}too much`);
  // The rest of that body is no request.
  await send(`${"x".repeat(92)}${post(5)}after`);
  client.write(`${post(5)}half`);
  client.end();
  await until(() => bodies.length === 7);
  expect(bodies).toEqual(["", "", "whole", "intwo", "too much", "after", undefined]);
  client.destroy();
});

test("the signal of a request is aborted when its client disconnects, before or after its first use", async () => {
  const asked: { readonly early: AbortSignal; readonly late: () => AbortSignal }[] = [];
  await using server = serve({
    answer(request) {
      asked.push({ early: request.signal, late: () => request.signal });
      return new Promise(() => {});
    },
  });
  const client = connect(server.port, server.hostname);
  client.write(FINAL_GET);
  const { early, late } = await until(() => asked[0]);
  expect(early.aborted).toBe(false);
  client.resetAndDestroy();
  await until(() => early.aborted);
  expect(late().aborted).toBe(true);
});

describe("an observer", () => {
  /** Serves with an observer that keeps what is reported, without the times. */
  function observe(options: Partial<ExchangeOptions> = {}, host?: string) {
    const reports: unknown[] = [];
    const seconds: number[] = [];
    const observer: RequestObserver = {
      onAnswered(client, endpoint, code, _, took) {
        reports.push({ answered: { client, endpoint, code } });
        seconds.push(took);
      },
      onDisconnected(client, endpoint, _, took) {
        reports.push({ disconnected: { client, endpoint } });
        seconds.push(took);
      },
      onRefused: (why) => reports.push({ refused: why }),
    };
    const server = serve({ ...options, observer }, host);
    return { server, reports, seconds };
  }

  const LOCAL = { address: "127.0.0.1", userAgent: "" };

  test("hears of each answer: its client, its endpoint and its status", async () => {
    const answers: Readonly<Record<string, Answer>> = {
      "/": text("OK"),
      "/db": { status: 504, headers: {}, body: "failed", endpoint: "/db" },
    };
    const answer = ({ url }: ExchangeRequest) => answers[url] ?? Promise.resolve(text("later"));
    const { server, reports, seconds } = observe({ answer });
    await using _ = server;
    const agent = "ELB-HealthChecker/2.0";
    const get = (path: string, header: string) =>
      converse(server, `GET ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\nConnection: close\r\n\r\n`);
    await get("/", `User-Agent: ${agent}`);
    await get("/db", `USER-AGENT:${agent}`);
    await get("/other", `user-agent: ${"x".repeat(1000)}`);
    await get("/", "X: y");
    expect(reports).toEqual([
      { answered: { client: { ...LOCAL, userAgent: agent }, endpoint: "/", code: 200 } },
      { answered: { client: { ...LOCAL, userAgent: agent }, endpoint: "/db", code: 504 } },
      { answered: { client: { ...LOCAL, userAgent: `${"x".repeat(200)}…` }, endpoint: "/", code: 200 } },
      { answered: { client: LOCAL, endpoint: "/", code: 200 } },
    ]);
    for (const took of seconds) expect(took).toBeWithin(0, 10);
  });

  test("knows a client by the first request of its connection", async () => {
    const { server, reports } = observe();
    await using _ = server;
    const client = connect(server.port, server.hostname);
    for (const agent of ["first", "second"]) {
      client.write(`GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: ${agent}\r\n\r\n`);
      await new Promise((answered) => client.once("data", answered));
    }
    client.destroy();
    const report = { answered: { client: { ...LOCAL, userAgent: "first" }, endpoint: "/", code: 200 } };
    expect(reports).toEqual([report, report]);
  });

  test("sees the v4 address of a client of a listener on all addresses", async () => {
    const { server, reports } = observe({}, "::");
    await using _ = server;
    await converse({ ...server, hostname: "127.0.0.1" }, FINAL_GET);
    expect(reports).toEqual([{ answered: { client: LOCAL, endpoint: "/", code: 200 } }]);
  });

  test("sees clients of a unix socket", async () => {
    await using folder = await tempFolder();
    const path = join(folder.path, "socket");
    const { server, reports } = observe({}, path);
    await using _ = server;
    await converse({ unix: path }, FINAL_GET);
    expect(reports).toEqual([{ answered: { client: { address: "unix", userAgent: "" }, endpoint: "/", code: 200 } }]);
  });

  test("hears of clients that disconnect before the answer, by a reset or after they have closed their side", async () => {
    let asked = 0;
    const answer = async ({ signal }: ExchangeRequest) => {
      asked++;
      await new Promise((gone) => signal.addEventListener("abort", gone));
      return { ...text("too late"), endpoint: "/db" };
    };
    const { server, reports, seconds } = observe({ answer });
    await using _ = server;
    const ask = async () => {
      const client = connect({ port: server.port, host: server.hostname, allowHalfOpen: true });
      const before = asked;
      client.write(GET);
      await until(() => asked > before);
      return client;
    };
    (await ask()).resetAndDestroy();
    await until(() => reports.length === 1);
    const askedAt = clock.now();
    const closing = await ask();
    await until(hasPassed(GAVE_UP_MS));
    closing.end();
    const closedAt = clock.now();
    await until(() => reports.length === 2);
    closing.destroy();
    const disconnected = { disconnected: { client: LOCAL, endpoint: "/db" } };
    expect(reports).toEqual([disconnected, disconnected]);
    // Until the client closed its side, not until that was noticed; the kernel counts in steps of up to 10 ms.
    expect(seconds[1]).toBeWithin(0, (closedAt - askedAt) / 1000 + 0.4);
  });

  test("hears of what is refused, and of the request in what the runtime refused", async () => {
    const { server, reports } = observe();
    await using _ = server;
    await until(async () => (await converse(server, "PROXY UNKNOWN\r\n\r\n")) !== "" && reports.length > 0);
    expect(reports).toContainEqual({ refused: "proxy_protocol" });
    reports.length = 0;
    await converse(server, "HEALTH / HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n");
    expect(reports).toEqual([{ answered: { client: LOCAL, endpoint: "/", code: 200 } }]);
  });

  test("that throws disturbs no client", async () => {
    const faults: unknown[] = [];
    const onError = (error: unknown) => {
      faults.push(error);
      return text("a fault");
    };
    const fault = new Error("a fault");
    const onAnswered = () => {
      throw fault;
    };
    const observer: RequestObserver = { onAnswered, onDisconnected() {}, onRefused() {} };
    for (const answer of [() => text("OK"), async () => text("OK")]) {
      await using server = serve({ answer, observer, onError });
      expect(await converse(server, FINAL_GET)).toEndWith("\r\n\r\nOK");
    }
    expect(faults).toEqual([fault, fault]);
  });
});
