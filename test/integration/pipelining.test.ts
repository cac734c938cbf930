// Whatever a client sends in a row: each answer that it reads is whole, and that of its request, in their order.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import * as fc from "../support/properties.ts";
import { answersAll } from "../support/shown.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const OK = { status: 200, body: "OK" };
const FAILED = { status: 504, body: "At least one health check failed" };

/** What each path is answered; those that are slow run a script. */
const ANSWERS = { "/": OK, "/up": OK, "/down": FAILED, "/slow-up": OK, "/slow-down": FAILED } as const;

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Request {
  readonly path: keyof typeof ANSWERS;
  readonly method: "GET" | "HEAD" | "POST" | "CHUNKED" | "BREW";
  readonly version: "1.0" | "1.1";
  readonly close: boolean;
  readonly lineEndMore: boolean;
}

interface Conversation {
  readonly requests: readonly Request[];
  /** What follows them that is no request. */
  readonly tail: string;
  /** Where what is sent is cut, and how long is waited there. */
  readonly cuts: readonly { readonly at: number; readonly waitMs: number }[];
  readonly halfClose: boolean;
}

const requests = fc.record<Request>({
  path: fc.constantFrom("/", "/up", "/down", "/slow-up", "/slow-down"),
  method: fc.constantFrom("GET", "GET", "HEAD", "POST", "CHUNKED", "BREW"),
  version: fc.constantFrom("1.1", "1.1", "1.1", "1.0"),
  close: fc.boolean(),
  lineEndMore: fc.boolean(),
});

const conversations = fc.record<Conversation>({
  requests: fc.array(requests, { minLength: 1, maxLength: 4 }),
  tail: fc.constantFrom(
    "",
    "",
    "junk\r\n\r\n",
    "GET / HT",
    "\0",
    "\r\n",
    "PROXY TCP4 ",
    "GET / HTTP/1.1\r\nA b: c\r\n\r\n",
  ),
  cuts: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), waitMs: fc.constantFrom(0, 1, 20, 60) }), {
    maxLength: 3,
  }),
  halfClose: fc.boolean(),
});

function written({ path, method, version, close, lineEndMore }: Request): string {
  const head = [`${method === "CHUNKED" ? "POST" : method} ${path} HTTP/${version}`, "Host: x"];
  if (close) head.push("Connection: close");
  if (method === "POST") head.push("Content-Length: 5");
  if (method === "CHUNKED") head.push("Transfer-Encoding: chunked");
  const body = { POST: "GET /", CHUNKED: "5\r\nGET /\r\n0\r\n\r\n", GET: "", HEAD: "", BREW: "" }[method];
  return `${head.join("\r\n")}\r\n\r\n${body}${lineEndMore ? "\r\n" : ""}`;
}

/** A method that the HTTP server does not know is answered where it comes first on its connection. */
const isOdd = ({ method }: Request): boolean => method === "BREW";

/** So many are answered at most: not what follows one that closes the connection. */
function mostAnswers(requests: readonly Request[]): number {
  const last = requests.findIndex((one) => one.close || one.version === "1.0" || isOdd(one));
  const one = requests[last];
  if (!one) return requests.length;
  return isOdd(one) && last > 0 ? last : last + 1;
}

async function converse(port: number, { requests, tail, cuts, halfClose }: Conversation) {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const state = { said: "", closed: false };
  socket.on("data", (data) => {
    state.said += data.toString("latin1");
  });
  for (const event of ["end", "close", "error"]) {
    socket.on(event, () => {
      state.closed = true;
    });
  }
  const all = Buffer.from(requests.map(written).join("") + tail, "latin1");
  let from = 0;
  for (const { at, waitMs } of cuts.toSorted((one, other) => one.at - other.at)) {
    const to = Math.floor(at * all.length);
    socket.write(all.subarray(from, to));
    from = to;
    await Bun.sleep(waitMs);
  }
  socket.write(all.subarray(from));
  if (halfClose) socket.end();
  const most = mostAnswers(requests);
  await until(
    () => state.closed || answersIn(state.said, requests).length >= most,
    10_000,
    "the last answer or the end",
  );
  socket.destroy();
  return state.said;
}

/** Those that are whole; throws where there is what is no answer. */
function answersIn(said: string, requests: readonly Request[]): readonly (Answer & { readonly last: boolean })[] {
  const answers: (Answer & { readonly last: boolean })[] = [];
  for (let at = 0; at < said.length; ) {
    const end = said.indexOf("\r\n\r\n", at);
    if (end < 0) break;
    const [first = "", ...lines] = said.slice(at, end).split("\r\n");
    const status = /^HTTP\/1\.1 (\d{3}) [A-Z][A-Za-z ]+$/.exec(first)?.[1];
    if (status === undefined) throw new Error(`no answer: ${JSON.stringify(said.slice(at))}`);
    const header = (name: string) => lines.find((line) => line.toLowerCase().startsWith(`${name}: `))?.split(": ")[1];
    const bytes = requests[answers.length]?.method === "HEAD" ? 0 : Number(header("content-length"));
    const body = said.slice(end + 4, end + 4 + bytes);
    if (body.length < bytes) break;
    answers.push({ status: Number(status), body, last: header("connection") === "close" });
    at = end + 4 + bytes;
  }
  return answers;
}

/** `least`: so many requests are answered at least, if none before asks for the end. */
function judge(said: string, { requests, cuts, halfClose }: Conversation, least: number): void {
  const answers = answersIn(said, requests);
  const isOddFirst = requests.slice(0, 1).some(isOdd);
  // Where its first line comes in two pieces, the first of them is not shown.
  if (isOddFirst && cuts.length > 0 && answers.length === 1 && answers[0]?.status === 400) return;
  const whole = answers.findIndex(({ last }) => last);
  if (whole >= 0) expect(answers.slice(whole + 1)).toEqual([]);
  const most = mostAnswers(requests);
  const own = answers.slice(0, most);
  const expected = requests.slice(0, own.length).map(({ path, method }) => {
    const { status, body } = ANSWERS[path];
    return { status, body: method === "HEAD" ? "" : body };
  });
  expect(own.map(({ status, body }) => ({ status, body }))).toEqual(expected);
  // Of such a request the runtime does not know that it waits for an answer.
  if (!(isOddFirst && halfClose)) expect(own.length).toBeGreaterThanOrEqual(Math.min(least, most));
  // Of what follows, only that it is none.
  expect(answers.slice(most).map(({ status }) => status)).toEqual(answers.length > most ? [400] : []);
}

describe.each([
  ["on request", {}, 1],
  ["in the background", { interval: "1h" }, Number.POSITIVE_INFINITY],
] as const)("%s", (_, options, least) => {
  const opened = new AsyncDisposableStack();
  let daemon: Daemon;
  beforeAll(async () => {
    const [peer, gone, folder] = await Promise.all([listener(), listener(), tempFolder()]);
    opened.use(peer);
    opened.use(folder);
    await gone[Symbol.asyncDispose]();
    const only = { severity: "endpoint" } as const;
    const config = {
      ...options,
      checks: [
        { name: "up", tcp: peer.port },
        { name: "down", tcp: gone.port, ...only },
        { name: "slow-up", script: ["sh", "-c", "sleep 0.05"], ...only },
        { name: "slow-down", script: ["sh", "-c", "sleep 0.05; exit 1"], ...only },
      ],
      endpoints: { "/up": ["up"], "/down": ["down"], "/slow-up": ["slow-up"], "/slow-down": ["slow-down"] },
    };
    daemon = opened.use(await startDaemon(["--config", await folder.write("hc.yaml", JSON.stringify(config))]));
    await answersAll(daemon);
  });
  afterAll(() => opened.disposeAsync());

  test("each answer is that of its request, in their order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(conversations, { minLength: 1, maxLength: 6 }), async (together) => {
        const said = await Promise.all(together.map((one) => converse(daemon.port, one)));
        for (const [index, one] of together.entries()) judge(said[index] ?? "", one, least);
      }),
      { numRuns: 40 },
    );
  });
});
