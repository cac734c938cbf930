// Which Host headers are this host's own.

import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { isOwnHost, namesOfThisHost } from "../../../src/listeners/admin/host-header.ts";
import { assert, domain, property } from "../../support/properties.ts";
import { tempFolder } from "../../support/temp.ts";

const NAMES = new Set(["web-1", "web-1.example.com"]);

test.each([
  undefined,
  "",
  "localhost",
  "LocalHost:5002",
  "localhost.",
  "127.0.0.1",
  "127.0.0.1:5002",
  "10.1.2.3:80",
  "[::1]",
  "[::1]:5002",
  "[fe80::1%eth0]:5002",
  "[::ffff:10.0.0.1]",
  "web-1",
  "WEB-1:5002",
  "web-1.",
  "web-1.example.com",
  "Web-1.Example.Com.:5002",
])("%j is", (header) => {
  expect(isOwnHost(header, NAMES)).toBe(true);
});

test.each([
  "evil.example",
  "evil.example:5002",
  "web-1.evil.example",
  "evil.example.web-1",
  "web-1.example.com.evil.example",
  "localhost.evil.example",
  "evil.localhost",
  "127.0.0.1.evil.example",
  "127.0.0.1.nip.io",
  "10.0.0.300",
  "127.1",
  "0x7f000001",
  "2130706433",
  "::1",
  "[::1",
  "[evil.example]",
  "[]",
  "web-1..",
  "web-1:5002:5002",
  "web-1:x",
  "localhost, evil.example",
  "evil.example, localhost",
  "localhost@evil.example",
  "evil.example#localhost",
  " ",
  ".",
  ":5002",
])("%j is not", (header) => {
  expect(isOwnHost(header, NAMES)).toBe(false);
});

test("no name of another site is", () => {
  assert(property(domain(), (name) => !isOwnHost(name, NAMES) && !isOwnHost(`${name}:5002`, NAMES)));
});

test("the names of this host are its own, its first part, and those beside it in the hosts file", async () => {
  await using folder = await tempFolder();
  const own = hostname().toLowerCase();
  const file = await folder.write(
    "hosts",
    `127.0.0.1 localhost\n127.0.1.1\t${own.toUpperCase()}.Example.com ${own} # evil.example\n10.0.0.9 db ${own}x\n`,
  );
  expect(namesOfThisHost(file)).toEqual(new Set([own, own.split(".")[0] ?? "", `${own}.example.com`]));
  expect(namesOfThisHost(`${file}.none`)).toEqual(new Set([own, own.split(".")[0] ?? ""]));
});
