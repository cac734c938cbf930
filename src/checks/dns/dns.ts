// dns: passes when the name has an answer and, with `expect`, one that matches. It asks the system's resolver (with its hosts
// file); with `resolver` or `type` it asks a name server. Addresses of earlier look-ups are not used.

import { excerptOf } from "../../fields/exchange.ts";
import {
  type Field,
  type Invalid,
  oneOf,
  type Pattern,
  pattern,
  type TcpAddress,
  type Value,
} from "../../fields/field.ts";
import { optional, required } from "../../fields/keys.ts";
import { type Address, formatAddress, isIPv4, isIPv6, parsePort } from "../../net/address.ts";
import { happyEyeballs } from "../../net/happy-eyeballs.ts";
import { resolveFresh } from "../../net/resolve.ts";
import { type Failure, failed, isFailure, type Outcome } from "../../outcome.ts";
import { defineKind } from "../kind.ts";
import { askServer, type DnsAnswer, type DnsQuestion, RECORD_TYPES, type RecordType } from "./message.ts";

const DNS_PORT = 53;

/** By resolv.conf(5): at most three servers; without one, this host. */
const MAX_SERVERS = 3;
const RESOLV_CONF = "/etc/resolv.conf";

const RECORD_NAMES = Object.keys(RECORD_TYPES) as RecordType[];

const domain: Field<string> = {
  expected: "a domain name such as db.internal",
  json: { title: "domain name", type: "string", minLength: 1, examples: ["db.internal", "_sip._tcp.example.com"] },
  read(given): Value<string> | Invalid {
    if (typeof given !== "string" || given.length > 254) return {};
    if (isIPv4(given) || isIPv6(given)) return { value: given };
    const labels = given.replace(/\.$/, "").split(".");
    if (/^[\d.]+$/.test(given) || !labels.every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label))) return {};
    return given.replace(/\.$/, "").length <= 253 ? { value: given } : {};
  },
};

const server: Field<TcpAddress> = {
  expected:
    "the IP address of a name server, with a port if it is not 53, such as 10.0.0.2, 127.0.0.1:5353 or [::1]:53",
  json: { title: "IP address", type: "string", examples: ["10.0.0.2", "127.0.0.1:5353"] },
  read(given): Value<TcpAddress> | Invalid {
    if (typeof given !== "string") return {};
    const [, bracketed, plain = "", port = String(DNS_PORT)] = /^(?:\[(.+)\]|([^[\]]+?))(?::(\d+))?$/.exec(given) ?? [];
    if (isIPv6(given)) return { value: { family: "tcp", host: given, port: DNS_PORT } };
    const host = bracketed ?? plain;
    const number = parsePort(port, 1);
    const numeric = bracketed === undefined ? isIPv4(host) : isIPv6(host);
    return numeric && number !== undefined ? { value: { family: "tcp", host, port: number } } : {};
  },
};

export const dns = defineKind({
  name: "dns",
  value: "NAME",
  rule: "the lookup of the name returns an answer; with expect, when one of the answers matches too",
  example: "dns: db.internal",
  keys: {
    dns: required(domain, "the name to look up"),
    resolver: optional(server, "the IP address of the name server to query; by default the system's lookup is used"),
    type: optional(
      oneOf(RECORD_NAMES),
      "the record type; by default A with `resolver`, and the addresses of the system's lookup without it",
    ),
    expect: optional(pattern, "what one of the answers must contain, in the form that `dig +short` prints"),
  },
  conflict: ({ dns, type }) => {
    if (type === "PTR" || !(isIPv4(dns) || isIPv6(dns))) return undefined;
    return { path: ["dns"], expected: "a domain name (an IP address only with `type: PTR`)", got: "an IP address" };
  },
  target: ({ dns, type, resolver }) =>
    [dns, type ?? [], resolver ? `@${formatAddress(resolver).replace(/:53$/, "")}` : []].flat().join(" "),
  peer: ({ resolver }): Address | undefined => resolver,
  warningsIfCritical: ({ resolver, dns }) =>
    resolver || /(^|\.)localhost\.?$/i.test(dns)
      ? []
      : ["other hosts use the system's name servers too: when they fail, every host fails"],
  probe: ({ dns, resolver, type, expect }, { timeoutMs }) => {
    if (!resolver && !type) return ({ signal }) => resolveBySystem(dns, expect, signal);
    const question: DnsQuestion = { name: reverseName(dns), type: type ?? "A" };
    return async ({ signal }) => {
      const servers = resolver ? [resolver] : await systemServers();
      const answer = await happyEyeballs(
        servers,
        (server, attempt) => ask(server, question, attempt),
        signal,
        undefined,
        timeoutMs / 2,
      );
      return isFailure(answer) ? answer : judge(answer, dns, question.type, expect);
    };
  },
});

async function resolveBySystem(name: string, expect: Pattern | undefined, signal: AbortSignal): Promise<Outcome> {
  const found = await resolveFresh(name, signal);
  if (isFailure(found)) return found;
  return match(found.addresses, found.addresses, name, "address", expect);
}

/** An answer such as SERVFAIL is a failure, so that the next server is asked. */
async function ask(server: TcpAddress, question: DnsQuestion, signal: AbortSignal): Promise<DnsAnswer | Failure> {
  const answer = await askServer(server, question, signal);
  if (isFailure(answer) || answer.code === "NOERROR" || answer.code === "NXDOMAIN") return answer;
  return failed("not-ready", `${formatAddress(server)} answered ${answer.code}`);
}

function judge({ code, records }: DnsAnswer, name: string, type: RecordType, expect: Pattern | undefined): Outcome {
  if (code === "NXDOMAIN") return failed("resolve", `${name} does not exist (NXDOMAIN)`);
  if (!records.some((record) => record.type === type)) return failed("resolve", `${name} has no ${type} (NODATA)`);
  const texts = records.map(({ text }) => text);
  return match(
    texts,
    records.flatMap(({ text, joined = text }) => [text, joined]),
    name,
    type,
    expect,
  );
}

function match(
  answers: readonly string[],
  candidates: readonly string[],
  name: string,
  what: string,
  expect: Pattern | undefined,
): Outcome {
  const excerpt = excerptOf(answers.join(", "));
  if (!expect || candidates.some((candidate) => expect.matches(candidate))) return { ok: true, detail: excerpt };
  return failed("mismatch", `${name}: no ${what} matches expect: ${excerpt}`);
}

/** The servers of resolv.conf in their order, else this host. Read at each run, since DHCP may change the file. */
async function systemServers(): Promise<readonly TcpAddress[]> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(RESOLV_CONF, "utf8").catch(() => "");
  const hosts = [...text.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, host = ""]) => host);
  const numeric = hosts.filter((host) => isIPv4(host) || isIPv6(host)).slice(0, MAX_SERVERS);
  return (numeric.length > 0 ? numeric : ["127.0.0.1"]).map((host) => ({ family: "tcp", host, port: DNS_PORT }));
}

/** The name of an address's PTR record: 4.3.2.1.in-addr.arpa, or the reversed hex digits of IPv6; any other name as it is. */
function reverseName(name: string): string {
  if (isIPv4(name)) return `${name.split(".").reverse().join(".")}.in-addr.arpa`;
  if (!isIPv6(name)) return name;
  const [head = "", tail] = name
    .replace(/%.*$/, "")
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
      [256 * Number(a) + Number(b), 256 * Number(c) + Number(d)].map((group) => group.toString(16)).join(":"),
    )
    .split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const digits = [...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}
