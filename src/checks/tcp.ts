// tcp: passes when the target accepts a connection within the timeout and then, where the check
// says so, completes a TLS handshake and gives the expected answer to what is sent. A name that
// has several addresses passes when one of them does.

import {
  bytesToSend,
  type Expectation,
  exchangeConflict,
  expectationOf,
  hexBytes,
  secretsOfSent,
  textToSend,
} from "../fields/exchange.ts";
import { address, pattern } from "../fields/field.ts";
import { optional, required } from "../fields/keys.ts";
import { filesOfTls, tls } from "../fields/tls.ts";
import { type Address, formatAddress, isIPv4, isIPv6 } from "../net/address.ts";
import { connect, type Peer, preparePeer } from "../net/connect.ts";
import { happyEyeballs } from "../net/happy-eyeballs.ts";
import { resolve } from "../net/resolve.ts";
import type { Stream } from "../net/stream.ts";
import type { TlsSettings } from "../net/tls-settings.ts";
import { type Failure, failed, isFailure, type Outcome } from "../outcome.ts";
import type { Probe } from "./check.ts";
import { ADDRESS_ALIASES, defineKind } from "./kind.ts";

const UP: Outcome = { ok: true };

/** So much of an answer is read. */
const ANSWER_BYTES = 4096;

export const tcp = defineKind({
  name: "tcp",
  value: "ADDRESS",
  rule: "the target accepts a connection; with expect, when its answer matches too",
  example: "tcp: 5432, or tcp: db.internal:5432",
  aliases: ADDRESS_ALIASES,
  keys: {
    tcp: required(address, "the address to connect to; a port alone means 127.0.0.1"),
    send: optional(textToSend, "the text to send after connecting; in double quotes, \\r\\n ends a line"),
    expect: optional(pattern, "what the first 4 KiB of the answer must contain"),
    "send-hex": optional(hexBytes, "the bytes to send after connecting, instead of `send`"),
    "expect-hex": optional(hexBytes, "the bytes that the first 4 KiB of the answer must contain, instead of `expect`"),
    tls,
  },
  texts: { tcp: "address", send: "sent or expected", expect: "sent or expected" },
  conflict: exchangeConflict,
  target: ({ tcp }) => formatAddress(tcp),
  peer: ({ tcp }) => tcp,
  files: ({ tls }) => filesOfTls(tls),
  secrets: ({ tcp, ...exchange }) => secretsOfSent(bytesToSend(exchange), formatAddress(tcp)),
  probe({ tcp, tls, ...exchange }, { timeoutMs }) {
    const exchanged = { send: bytesToSend(exchange), expect: expectationOf(exchange), tls };
    return exchanged.send === undefined && exchanged.expect === undefined && tls === undefined
      ? handshakeProbe(tcp, timeoutMs)
      : exchangeProbe(tcp, exchanged, timeoutMs);
  },
});

/** Connects and closes: by system calls, since a host may get thousands of requests a second for this. */
function handshakeProbe(address: Address, timeoutMs: number): Probe {
  if (address.family === "unix" || isIPv4(address.host) || isIPv6(address.host)) {
    const peer = preparePeer(address);
    const outcomeOf = (failure: Failure | undefined): Outcome => failure ?? UP;
    return (limit) => {
      const failure = connect(peer, limit);
      return failure instanceof Promise ? failure.then(outcomeOf) : outcomeOf(failure);
    };
  }
  const { host, port } = address;
  let peers: { readonly addresses: string; readonly list: readonly Peer[] } | undefined;
  return async ({ signal }) => {
    const resolution = await resolve(host, signal, timeoutMs / 2);
    if (isFailure(resolution)) return resolution;
    const { addresses, warning } = resolution;
    const joined = addresses.join();
    if (peers?.addresses !== joined) {
      peers = {
        addresses: joined,
        list: addresses.map((numeric) => preparePeer({ family: "tcp", host: numeric, port })),
      };
    }
    const up: Outcome = warning === undefined ? UP : { ok: true, warning };
    const outcome = await happyEyeballs(
      peers.list,
      async (peer, raced): Promise<Outcome | Failure> => (await connect(peer, { signal: raced })) ?? up,
      signal,
      undefined,
      timeoutMs / 2,
    );
    // The address may be out of date, which the failure has to mention.
    return outcome.ok || warning === undefined ? outcome : { ...outcome, message: `${outcome.message}; ${warning}` };
  };
}

interface Exchange {
  readonly send: Uint8Array | undefined;
  readonly expect: Expectation | undefined;
  readonly tls: TlsSettings | undefined;
}

async function exchangeProbe(address: Address, exchange: Exchange, timeoutMs: number): Promise<Probe> {
  const peer = formatAddress(address);
  const { openStream } = await import("../net/stream.ts");
  return async ({ signal }) => {
    const stream = await openStream(address, { maxWaitMs: timeoutMs / 2, tls: exchange.tls }, signal);
    if (isFailure(stream)) return stream;
    const failure = await exchangeOn(stream, exchange, peer);
    stream.close();
    if (failure) return failure;
    return stream.warning === undefined ? UP : { ok: true, warning: stream.warning };
  };
}

async function exchangeOn(stream: Stream, { send, expect }: Exchange, peer: string): Promise<Failure | undefined> {
  if (expect) {
    if (send !== undefined) stream.write(send);
    return readUntilMatch(stream, expect, peer);
  }
  const failure = send === undefined ? undefined : await stream.send(send);
  return failure ?? stream.accepted();
}

/** Undefined as soon as the answer so far matches. */
async function readUntilMatch(stream: Stream, expect: Expectation, peer: string): Promise<Failure | undefined> {
  let answer: Uint8Array = new Uint8Array();
  for (;;) {
    const piece = await stream.read("the expected answer");
    const over = piece === undefined || isFailure(piece);
    if (!over) answer = Buffer.concat([answer, piece]).subarray(0, ANSWER_BYTES);
    const bytes = answer.byteLength;
    if (bytes > 0 && expect.matches(answer, over)) return undefined;
    if (!over && bytes < ANSWER_BYTES) continue;
    if (bytes === 0)
      return isFailure(piece) ? piece : failed("closed", `${peer} closed the connection without an answer`);
    const excerpt = expect.excerpt(answer);
    if (isFailure(piece) && piece.reason === "timeout") {
      return failed("timeout", `${peer}: no match for expect in ${bytes} bytes: "${excerpt}"`);
    }
    const end = over ? "the connection ended" : "the rest was not read";
    return { ...failed("mismatch", `${peer}: no match for expect in ${bytes} bytes; ${end}`), output: excerpt };
  }
}
