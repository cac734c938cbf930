// A name is looked up by the system's resolver or at a chosen name server.

import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { readdirSync } from "node:fs";
import { dns } from "../../../src/checks/dns/dns.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { freePort, loopbackAddress } from "../../support/loopback.ts";
import { startNameServer } from "../../support/nameserver.ts";
import { needs } from "../../support/needs.ts";
import { until } from "../../support/until.ts";

const descriptors = () => readdirSync("/proc/self/fd").length;

const LONG = "k".repeat(250);
const RECORDS = [
  "--host-record=good.test,127.0.0.1,fd00::1:0:0:2",
  "--cname=alias.test,good.test",
  "--mx-host=good.test,mx1.test,10",
  "--txt-record=good.test,v=spf1 -all",
  '--txt-record=parts.test,one ,"two"',
  `--txt-record=long.test,${Array.from({ length: 6 }, () => LONG).join(",")}`,
  "--srv-host=_sip._tcp.test,good.test,5060,1,2",
  "--ptr-record=9.0.0.127.in-addr.arpa,good.test",
  `--ptr-record=1.${"0.".repeat(31)}ip6.arpa,six.test`,
  "--dns-rr=good.test,257,0005697373756563612e74657374",
  "--dns-rr=good.test,6,026e7304746573740002687304746573740000000001000000020000000300000004000000FF",
  "--dns-rr=good.test,2,036e733104746573740",
];

const withDnsmasq = await needs("dnsmasq");

withDnsmasq(
  "each type of record as dig +short prints it, from a real server",
  async () => {
    await using server = await startNameServer(RECORDS);
    const rows: readonly (readonly [name: string, type: string, detail: string])[] = [
      ["good.test", "A", "127.0.0.1"],
      ["GOOD.test.", "A", "127.0.0.1"],
      ["good.test", "AAAA", "fd00::1:0:0:2"],
      ["alias.test", "CNAME", "good.test."],
      ["alias.test", "A", "good.test., 127.0.0.1"],
      ["good.test", "MX", "10 mx1.test."],
      ["good.test", "TXT", '"v=spf1 -all"'],
      ["_sip._tcp.test", "SRV", "1 2 5060 good.test."],
      ["127.0.0.9", "PTR", "good.test."],
      ["9.0.0.127.in-addr.arpa", "PTR", "good.test."],
      ["::1", "PTR", "six.test."],
      ["good.test", "CAA", '0 issue "ca.test"'],
      ["good.test", "SOA", "ns.test. hs.test. 1 2 3 4 255"],
      ["good.test", "NS", "ns1.test."],
    ];
    for (const [name, type, detail] of rows) {
      expect(await outcomeOf(dns, { dns: name, type, resolver: server.address })).toEqual({ ok: true, detail });
    }
    // More than a datagram can hold.
    const long = { dns: "long.test", type: "TXT", resolver: server.address };
    expect(await outcomeOf(dns, { ...long, expect: LONG.repeat(6) })).toMatchObject({ ok: true });
    // The pieces of a TXT record as in the zone, or joined as clients join them.
    const parts = { ...long, dns: "parts.test" };
    for (const text of ['one " "\\"two\\""', 'one "two"']) {
      expect(await outcomeOf(dns, { ...parts, expect: text })).toMatchObject({ ok: true });
    }
  },
  30_000,
);

withDnsmasq(
  "no such name, no such record, another answer, a server that refuses",
  async () => {
    await using server = await startNameServer(RECORDS);
    const resolver = server.address;
    const rows: readonly (readonly [keys: Record<string, string>, outcome: Outcome])[] = [
      [{ dns: "none.test" }, { ok: false, reason: "resolve", message: "none.test does not exist (NXDOMAIN)" }],
      [
        { dns: "good.test", type: "SRV" },
        { ok: false, reason: "resolve", message: "good.test has no SRV (NODATA)" },
      ],
      [
        { dns: "good.test", expect: "127.0.0.2" },
        { ok: false, reason: "mismatch", message: "good.test: no A matches expect: 127.0.0.1" },
      ],
      [
        { dns: "alias.test", expect: "/^good\\.test\\.$/" },
        { ok: true, detail: "good.test., 127.0.0.1" },
      ],
      [{ dns: "elsewhere.example" }, { ok: false, reason: "not-ready", message: `${resolver} answered REFUSED` }],
    ];
    for (const [keys, outcome] of rows) expect(await outcomeOf(dns, { resolver, ...keys })).toEqual(outcome);
  },
  30_000,
);

test("a missing server is refused, a silent one a timeout, and nothing stays open", async () => {
  const host = loopbackAddress();
  const resolver = `${host}:${freePort(host)}`;
  expect(await outcomeOf(dns, { dns: "good.test", resolver })).toEqual({
    ok: false,
    reason: "refused",
    message: `${resolver} refused the datagram`,
  });
  const mute = createSocket("udp4");
  let heard = 0;
  mute.on("message", () => heard++);
  await new Promise<void>((bound) => mute.bind(0, host, bound));
  const silent = `${host}:${mute.address().port}`;
  const open = descriptors();
  expect(await outcomeOf(dns, { dns: "good.test", resolver: silent }, { timeoutMs: 500 })).toEqual({
    ok: false,
    reason: "timeout",
    message: `${silent} has not answered (timeout 500ms)`,
  });
  expect(heard).toBe(1);
  await until(() => descriptors() <= open);
  mute.close();
});

test("without resolver and type the system's resolver is used, with its hosts file", async () => {
  expect(await outcomeOf(dns, { dns: "localhost" })).toMatchObject({ ok: true });
  expect(await outcomeOf(dns, { dns: "localhost", expect: "/^(127\\.0\\.0\\.1|::1)$/" })).toMatchObject({ ok: true });
  expect(await outcomeOf(dns, { dns: "localhost", expect: "10.0.0.1" })).toMatchObject({
    reason: "mismatch",
    message: expect.stringMatching(/^localhost: no address matches expect: [\d.:, ]+$/) as unknown as string,
  });
  expect(await outcomeOf(dns, { dns: "no-such-name.invalid" })).toMatchObject({ ok: false, reason: "resolve" });
}, 30_000);

test("its target has the question and the server", () => {
  const targetOf = (keys: Record<string, string>) => checkOf(dns, { dns: "a.test", ...keys }).target;
  expect(targetOf({})).toBe("a.test");
  expect(targetOf({ resolver: "10.0.0.2" })).toBe("a.test @10.0.0.2");
  expect(targetOf({ resolver: "10.0.0.2:5353", type: "MX" })).toBe("a.test MX @10.0.0.2:5353");
  expect(targetOf({ resolver: "fd00::1" })).toBe("a.test @[fd00::1]");
  expect(targetOf({ resolver: "[fd00::1]:54" })).toBe("a.test @[fd00::1]:54");
});

test("wrong keys are refused", () => {
  const long = `${"a".repeat(64)}.test`;
  for (const name of ["", "a..b", "a b", "10.0.0", "10.0.0.1", "::1", "http://a", long, "a.".repeat(128)]) {
    expect(() => checkOf(dns, { dns: name })).toThrow();
  }
  for (const resolver of ["", "ns.test", "10.0.0.1:0", "10.0.0.1:x", "[::1", "::1]:53", "[10.0.0.1]:53", 53]) {
    expect(() => checkOf(dns, { dns: "a.test", resolver })).toThrow();
  }
  expect(() => checkOf(dns, { dns: "a.test", type: "ANY" })).toThrow();
});
