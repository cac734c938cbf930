// udp: passes when the target answers with a matching datagram within the timeout. The datagram is sent once: if it is lost,
// the check fails.

import {
  bytesToSend,
  exchangeConflict,
  expectationOf,
  hexBytes,
  secretsOfSent,
  textToSend,
} from "../fields/exchange.ts";
import { pattern, tcpAddress } from "../fields/field.ts";
import { optional, required } from "../fields/keys.ts";
import { formatAddress, isIPv4, isIPv6 } from "../net/address.ts";
import { askByDatagram } from "../net/datagram.ts";
import { happyEyeballs } from "../net/happy-eyeballs.ts";
import { resolve } from "../net/resolve.ts";
import { type Failure, failed, isFailure, type Outcome } from "../outcome.ts";
import type { Probe } from "./check.ts";
import { ADDRESS_ALIASES, defineKind } from "./kind.ts";

const UP: Outcome = { ok: true };

/** The maximum of UDP over IPv4. */
const MAX_DATAGRAM_BYTES = 65_507;

export const udp = defineKind({
  name: "udp",
  value: "ADDRESS",
  rule: "the target answers with a datagram; with expect, when such a datagram matches too",
  example: "udp: 127.0.0.1:514",
  aliases: ADDRESS_ALIASES,
  keys: {
    udp: required(tcpAddress, "the address to send to; a port alone means 127.0.0.1"),
    send: optional(
      textToSend,
      "the text to send as one datagram, which the service must answer; in double quotes, \\0 is a zero byte",
    ),
    expect: optional(pattern, "what a datagram of the answer must contain; by default any datagram passes"),
    "send-hex": optional(hexBytes, "the bytes to send as one datagram, instead of `send`"),
    "expect-hex": optional(hexBytes, "the bytes that a datagram of the answer must contain, instead of `expect`"),
  },
  texts: { send: "sent or expected", expect: "sent or expected" },
  conflict(exchange) {
    const { byteLength } = bytesToSend(exchange) ?? {};
    if (byteLength === undefined) return { path: ["udp"], expected: "send or send-hex as well", got: "neither" };
    if (byteLength <= MAX_DATAGRAM_BYTES) return exchangeConflict(exchange);
    const key = exchange.send === undefined ? "send-hex" : "send";
    return { path: [key], expected: `at most ${MAX_DATAGRAM_BYTES} bytes`, got: `${byteLength} bytes` };
  },
  target: ({ udp }) => formatAddress(udp),
  peer: ({ udp }) => udp,
  secrets: ({ udp, ...exchange }) => secretsOfSent(bytesToSend(exchange), formatAddress(udp)),
  probe({ udp, ...exchange }, { timeoutMs }): Probe {
    const data = bytesToSend(exchange) ?? new Uint8Array();
    const expect = expectationOf(exchange);
    return async ({ signal }) => {
      const found =
        isIPv4(udp.host) || isIPv6(udp.host)
          ? { addresses: [udp.host], warning: undefined }
          : await resolve(udp.host, signal, timeoutMs / 2);
      if (isFailure(found)) return found;
      const ask = async (host: string, attempt: AbortSignal): Promise<true | Failure> => {
        let unmatched = 0;
        let last: Uint8Array = new Uint8Array();
        const answer = await askByDatagram(
          { ...udp, host },
          data,
          (datagram) => {
            if (!expect || expect.matches(datagram, true)) return true;
            unmatched++;
            last = datagram;
            return undefined;
          },
          attempt,
        );
        if (!isFailure(answer) || answer.reason !== "timeout" || unmatched === 0) return answer;
        const peer = formatAddress({ ...udp, host });
        return failed(
          "timeout",
          `${peer}: no match for expect in ${count(unmatched, "datagram")}; the last was "${expect?.excerpt(last)}"`,
        );
      };
      const answer = await happyEyeballs(found.addresses, ask, signal, undefined, timeoutMs / 2);
      const { warning } = found;
      if (!isFailure(answer)) return warning === undefined ? UP : { ok: true, warning };
      return warning === undefined ? answer : { ...answer, message: `${answer.message}; ${warning}` };
    };
  },
});

const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? "" : "s"}`;
