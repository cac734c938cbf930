// A URL is read as its author meant it or not at all, and no part of a password is ever shown.

import { expect, test } from "bun:test";
import { serviceUrl } from "../../src/fields/url.ts";
import * as fc from "../support/properties.ts";

const { read } = serviceUrl({
  protocols: ["postgres", "postgresql"],
  port: 5432,
  example: "postgres://user@127.0.0.1:5432/database",
  parameters: { sslmode: ["disable", "require"] },
  socketIn: (folder, port) => `${folder}/.s.PGSQL.${port}`,
});

const tcp = (host: string, port: number) => ({ family: "tcp", host, port }) as const;

for (const [text, address, user, password, path, shown] of [
  ["postgres://h", tcp("h", 5432), undefined, undefined, "", "postgres://h"],
  ["postgres://u:p@h:1/d", tcp("h", 1), "u", "p", "d", "postgres://u@h:1/d"],
  ["postgresql://u:@h/", tcp("h", 5432), "u", undefined, "", "postgresql://u@h/"],
  ["postgres://u:p%40%3A%2F%3F%25@[::1]:7/d", tcp("::1", 7), "u", "p@:/?%", "d", "postgres://u@[::1]:7/d"],
  ["postgres://:secret@h", tcp("h", 5432), undefined, "secret", "", "postgres://h"],
  [
    "postgres://u:secret@/d?host=/run/pg",
    { family: "unix", path: "/run/pg/.s.PGSQL.5432" },
    "u",
    "secret",
    "d",
    "postgres://u@/d?host=/run/pg",
  ],
  [
    "postgres://u@localhost:6/d?socket=/run/a%20b&sslmode=require",
    { family: "unix", path: "/run/a b" },
    "u",
    undefined,
    "d",
    "postgres://u@localhost:6/d?socket=/run/a%20b&sslmode=require",
  ],
] as const) {
  test(`${text} is read`, () => {
    const result = read(text);
    expect(result).toMatchObject({ value: { address, path, shown } });
    if (!("value" in result)) throw new Error("no value");
    expect(result.value.user).toBe(user as string | undefined as never);
    expect(result.value.password).toBe(password as string | undefined as never);
  });
}

for (const [text, hint] of [
  ["mysql://u:hidden@h", "must begin with postgres:// or postgresql://"],
  ["postgres://u:hid@den@h/d", "%40"],
  ["postgres://u:hid/den@h/d", "%40"],
  ["postgres://u:hid%ZZden@h", "%40"],
  ["postgres://u:hid%00den@h", "%40"],
  ["postgres://u:hid den@h", "space"],
  ["postgres://u:hidden@h:0/d", "port"],
  ["postgres://u:hidden@h:99999/d", "port"],
  ["postgres://u:hidden@h_?!/d", "the parameters after ?"],
  ["postgres://u:hidden@h/d?ssl-mode=REQUIRED", "set TLS with the key tls"],
  ["postgres://u:hidden@h/d?useSSL=true", "set TLS with the key tls"],
  ["postgres://u:hidden@10.0.0.300", "host"],
  ["postgres://u:hidden@/d", "no host"],
  ["postgres://u:hidden@h/d?sslmode=prefer", "sslmode can be"],
  ["postgres://u:hidden@h/d?password=hidden", "can be socket, host, sslmode"],
  ["postgres://u:hidden@h/d?__proto__=hidden", "can be"],
  ["postgres://u:hidden@h/d?socket=/x", "both a host and a socket"],
  ["postgres://u:hidden@/d?socket=x", "slash"],
  ["postgres://u:hidden@h/d#hidden", "%40"],
] as const) {
  test(`${text} is refused`, () => {
    const result = read(text);
    expect(result).toHaveProperty("hint", expect.stringContaining(hint));
    expect(JSON.stringify(result)).not.toMatch(/hid|den@/);
  });
}

test("a value that is not a text is refused", () => {
  for (const given of [undefined, null, 5, true, {}, []]) expect(read(given)).toEqual({});
});

test("any user, password and database make a URL that is read back, and never shown with the password", () => {
  const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(word, word, word, (user, password, database) => {
      const [u, p, d] = [user, password, database].map(encodeURIComponent);
      const result = read(`postgres://${u}:${p}@h:5/${d}`);
      expect(result).toMatchObject({ value: { user, password, path: database, shown: `postgres://${u}@h:5/${d}` } });
    }),
  );
});

test("no text makes it throw", () => {
  const piece = fc.oneof(
    fc.constantFrom("postgres://", "@", ":", "/", "?", "#", "[", "]", "%", "host=", "&"),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => void read(`postgres://${pieces.join("")}`)));
});
