// An address is read completely or refused with one hint.

import { describe, expect, test } from "bun:test";
import { type Address, formatAddress, isIPv4, isIPv6, parseAddress, parsePort } from "../../src/net/address.ts";
import * as fc from "../support/properties.ts";

const tcp = (host: string, port: number): Address => ({ family: "tcp", host, port });
const LONGEST_PATH = `/${"x".repeat(106)}`;

test.each([
  ["127.0.0.1:80", tcp("127.0.0.1", 80)],
  ["localhost:65535", tcp("localhost", 65535)],
  ["db_1.example-host.org:5432", tcp("db_1.example-host.org", 5432)],
  ["example.org.:80", tcp("example.org.", 80)],
  [":80", tcp("", 80)],
  ["[::1]:5432", tcp("::1", 5432)],
  ["[fe80::1%eth0]:80", tcp("fe80::1%eth0", 80)],
  ["[1::2:3:4:10.0.0.1]:80", tcp("1::2:3:4:10.0.0.1", 80)],
  ["[::ffff:10.0.0.1]:80", tcp("::ffff:10.0.0.1", 80)],
  ["unix:/run/a b.sock", { family: "unix", path: "/run/a b.sock" }],
  ["unix:/run/x:80", { family: "unix", path: "/run/x:80" }],
  [`unix:${LONGEST_PATH}`, { family: "unix", path: LONGEST_PATH }],
] as const)("%s is an address", (text, address) => {
  expect(parseAddress(text, 1)).toEqual(address);
});

const PORT = "its port is not a number from 1 to 65535";
const BRACKETS = "the text in brackets is not an IPv6 address";
const HOST = "the part before the colon is neither a host name nor an IP address";
const BARE_V6 = "an IPv6 address needs brackets, as in [::1]:5432";
const PATH = "a socket path has at most 107 bytes";

describe("the hint says what is wrong with", () => {
  test.each([
    ["", "it has no colon"],
    ["1234", "it has no colon"],
    ["localhost", "it has no colon"],
    ["localhost:", PORT],
    ["localhost:0", PORT],
    ["localhost:65536", PORT],
    ["localhost:-1", PORT],
    ["localhost:8e1", PORT],
    ["localhost: 80", PORT],
    ["localhost:٨٠", PORT],
    ["[::1]", PORT],
    ["[::1]80", PORT],
    ["[]:80", BRACKETS],
    ["[::1:80", BRACKETS],
    ["::1]:80", BRACKETS],
    ["[127.0.0.1]:80", BRACKETS],
    ["[1::2::3]:80", BRACKETS],
    ["[::g]:80", BRACKETS],
    ["[fe80::1%]:80", BRACKETS],
    ["[[::1]]:80", BRACKETS],
    ["[::1%a]b]:80", BRACKETS],
    ["[::1%a b]:80", BRACKETS],
    ["::1:80", BARE_V6],
    ["http://host:80", "it is a URL; write only the host and the port"],
    ["tcp:80", "the part before the colon is a protocol, not a host"],
    ["UDP:80", "the part before the colon is a protocol, not a host"],
    ["10.0.0.300:80", HOST],
    ["10.0.0:80", HOST],
    ["2130706433:80", HOST],
    ["-x:80", HOST],
    ["x-:80", HOST],
    ["a..b:80", HOST],
    [".:80", HOST],
    ["a b:80", HOST],
    ["*:80", HOST],
    ["hôte:80", HOST],
    [`${"a".repeat(64)}:80`, HOST],
    [`${"a.".repeat(126)}ab:80`, HOST],
    ["unix:", "the path after unix: must begin with a slash"],
    ["unix:run/x", "the path after unix: must begin with a slash"],
    [`unix:${LONGEST_PATH}x`, PATH],
    [`unix:/${"é".repeat(54)}`, PATH],
    ["unix:/a\0b", PATH],
  ])("%j", (text, hint) => {
    expect(parseAddress(text, 1)).toEqual({ hint });
  });

  // getaddrinfo reads 010 as 8, and inet_pton refuses it.
  test("an IPv4 address with leading zeros, which would be read as octal", () => {
    expect(parseAddress("127.0.0.010:80", 1)).toEqual({ hint: HOST });
  });
});

test("a listener's port may be 0, and its hint has the lowest port", () => {
  expect(parseAddress("127.0.0.1:0", 0)).toEqual(tcp("127.0.0.1", 0));
  expect(parseAddress("127.0.0.1:x", 0)).toEqual({ hint: "its port is not a number from 0 to 65535" });
});

test("a port is one to five decimal digits in range", () => {
  expect(["1", "080", "65535", "0"].map((text) => parsePort(text, 0))).toEqual([1, 80, 65535, 0]);
  expect(["", "-1", "+1", "1.0", "65536", "000001", "0x50", "8 0"].map((text) => parsePort(text, 0))).toEqual(
    Array(8).fill(undefined),
  );
});

const hosts = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.domain().filter((name) => name.length <= 253),
);

test("an address reads back as it was written", () => {
  const addresses = fc.oneof(
    fc.record({ family: fc.constant("tcp" as const), host: hosts, port: fc.integer({ min: 1, max: 65535 }) }),
    fc
      .record({
        family: fc.constant("unix" as const),
        path: fc.string({ unit: "grapheme", maxLength: 20 }).map((name) => `/${name}`),
      })
      .filter(({ path }) => Buffer.byteLength(path) <= 107 && !path.includes("\0")),
  );
  fc.assert(
    fc.property(addresses, (address) => {
      expect(parseAddress(formatAddress(address), 1)).toEqual(address);
    }),
    { numRuns: 1000 },
  );
});

test("IPv4 and IPv6 addresses are distinguished", () => {
  fc.assert(fc.property(fc.ipV4(), (host) => isIPv4(host) && !isIPv6(host)));
  fc.assert(fc.property(fc.ipV6(), (host) => isIPv6(host) && !isIPv4(host)));
});

test("any text is an address or has a hint, and never throws", () => {
  const likely = fc.string({ unit: fc.constantFrom(..."[]:%./0129afx-unix\0") });
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), likely),
      fc.constantFrom(0 as const, 1 as const),
      (text, low) => {
        const parsed = parseAddress(text, low);
        if ("hint" in parsed) expect(parsed.hint).not.toBe("");
        else expect(parseAddress(formatAddress(parsed), low)).toEqual(parsed);
      },
    ),
    { numRuns: 3000 },
  );
});
