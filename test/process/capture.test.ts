// The end of the output is kept, in whole characters, with a count of all bytes.

import { expect, test } from "bun:test";
import { CAPTURE_BYTES, createCapture } from "../../src/process/capture.ts";
import * as fc from "../support/properties.ts";

const captured = (limitBytes: number | undefined, ...chunks: (string | Uint8Array)[]) => {
  const capture = createCapture(limitBytes);
  for (const chunk of chunks) capture.add(Buffer.from(chunk));
  return capture.text();
};

test.each<[readonly (string | Uint8Array)[], string | undefined]>([
  [[], undefined],
  [[""], undefined],
  [["a"], "a"],
  [["a", "b"], "ab"],
  [["a\n\n"], "a"],
  [["  a"], "  a"],
  [["12345678"], "12345678"],
  [["1234", "5678"], "12345678"],
  [["123456789"], "23456789\n(captured 8 of 9 bytes)"],
  [["1", "23456789"], "23456789\n(captured 8 of 9 bytes)"],
  [["12345678", "9"], "23456789\n(captured 8 of 9 bytes)"],
  [["x".repeat(100), "12345678"], "12345678\n(captured 8 of 108 bytes)"],
  [["1234567\n\n"], "234567\n(captured 8 of 9 bytes)"],
  [["é", "é", "é", "é"], "éééé"],
  [["éa123456x"], "a123456x\n(captured 8 of 10 bytes)"],
  [["漢1234567"], "1234567\n(captured 8 of 10 bytes)"],
  [["😀1234567"], "1234567\n(captured 8 of 11 bytes)"],
  [[new Uint8Array([0xff, 0x61, 0xfe])], "\ufffda\ufffd"],
  [["a\r\nb\r\n"], "a\nb"],
  [["a\rb\r\rc"], "a\nb\n\nc"],
  [["a\r", "\nb"], "a\nb"],
  [["\r\n\r\n"], ""],
  [["é", new Uint8Array([0xc3]), new Uint8Array([0xa9])], "éé"],
])("at most 8 bytes of %j are kept", (chunks, text) => {
  expect(captured(8, ...chunks)).toBe(text);
});

test("4 KiB are kept by default", () => {
  expect(captured(undefined, "x".repeat(CAPTURE_BYTES))).toBe("x".repeat(4096));
  expect(captured(undefined, "x".repeat(999_904), "y".repeat(96))).toBe(
    `${"x".repeat(4000)}${"y".repeat(96)}\n(captured 4096 of 1000000 bytes)`,
  );
});

test("the captured text does not change when its buffer is used again", () => {
  const capture = createCapture(8);
  const buffer = Buffer.from("12345678");
  capture.add(buffer);
  buffer.fill("x");
  expect(capture.text()).toBe("12345678");
});

test("the same end is kept, whatever the chunks", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 8 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 4, max: 16 }), (chunks, limitBytes) => {
      expect(captured(limitBytes, ...chunks)).toBe(captured(limitBytes, Buffer.concat(chunks)));
    }),
    { numRuns: 1000 },
  );
});

test("a well-formed text is kept without broken characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀"), maxLength: 20 }), (text) => {
      expect(captured(9, text) ?? "").not.toContain("\ufffd");
    }),
    { numRuns: 500 },
  );
});
