// A text to send or to expect that looks like bytes gets a warning; words get none.

import { expect, test } from "bun:test";
import { lintBytes } from "../../../src/config/lint/bytes.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { tempFolder } from "../../support/temp.ts";
import { lintKeys } from "./lines.ts";

const TWO_BYTES = "characters from U+0080 to U+00FF are two bytes each in UTF-8; put bytes in hexadecimal under";
const BACKSLASH = "a backslash is a plain character here; write \\n in double quotes for a line end";

test.each(["\xff\xfe", "\x80", "\x16\x03\x01é", "\xff\xff\xff\xffgetstatus", "é", "a\xa0", "\xfe\x01", "°"])(
  "%j may be meant as bytes",
  (text) => {
    expect(lintBytes(text, "send-hex")).toBe(`${TWO_BYTES} send-hex`);
  },
);

test.each(["/^\\xff/", "/\\u00fe\\x01/", "/[\\x80-\\xff]/", "/ÿ/"])(
  "the regular expression %j may be meant as bytes",
  (text) => {
    expect(lintBytes(text, "expect-hex")).toBe(`${TWO_BYTES} expect-hex`);
  },
);

test.each(["PING\\r\\n", "ruok\\n", "\\x16\\x03", "a\\0b\\0", "\\u0000"])(
  "the backslashes of %j are sent literally, with a warning",
  (text) => {
    expect(lintBytes(text, "send-hex")).toBe(`${BACKSLASH}, or put bytes in hexadecimal under send-hex`);
  },
);

test.each(["0x1603", "0X16", "16 03 01 00", "16:03:01:00", "ff ff ff ff\n"])(
  "%j looks like hexadecimal and gets a warning",
  (text) => {
    expect(lintBytes(text, "send-hex")).toBe(
      "it is sent as text, not as bytes; put bytes in hexadecimal under send-hex",
    );
    // A server may answer with such a text.
    expect(lintBytes(text.trim(), "expect-hex")).toBeUndefined();
  },
);

test("a body of bytes gets a warning, a body of words does not", async () => {
  const warningsOf = async (body: string) => lintKeys({ http: "http://127.0.0.1/", method: "POST", body });
  const warning =
    "checks[0].body: warning: characters from U+0080 to U+00FF are two bytes each in UTF-8; a body is text, not bytes";
  expect(await warningsOf("\xff\xfe")).toEqual([warning]);
  for (const fine of ["café", '{"größe": 5}', "0x1603", "a\\nb"]) expect(await warningsOf(fine)).toEqual([]);
});

test.each([
  ...["0x", "0x1", "16", "16 03", "10:20:30", "dead beef", "2026-12-06 10:00:00"],
  ...["ruok", "PING\r\n", "\x1b\0\0", "Größe: 5", "naïve café\r\n", "日本語", "€ 5", "Łódź", "C:\\new\\table", "\\d+"],
  ...["/^\\x1c.*NTP/s", "/größe/i", "/\\r\\n$/", "/\\u20ac/", "/a\\\\xff/"],
])("%j gets no warning", (text) => {
  expect(lintBytes(text, "send-hex")).toBeUndefined();
});

test("a config file gets the warning at the key, whatever the severity", async () => {
  await using folder = await tempFolder();
  const path = await folder.write(
    "hc.yaml",
    `checks:
  - { tcp: 1, send: "\\x80", expect: '/\\xff/', severity: warning }
  - { udp: 1, send: 'a\\r\\n', expect: ok }
  - { tcp: 2, send-hex: 80, expect-hex: ff }
`,
  );
  const options = await loadOptions({ config: [path] });
  expect("warnings" in options && options.warnings.map((line) => line.replace(path, "hc.yaml")).slice(0, 3)).toEqual([
    `hc.yaml:2:21: checks[0].send: warning: ${TWO_BYTES} send-hex`,
    `hc.yaml:2:37: checks[0].expect: warning: ${TWO_BYTES} expect-hex`,
    `hc.yaml:3:21: checks[1].send: warning: ${BACKSLASH}, or put bytes in hexadecimal under send-hex`,
  ]);
});
