// Bytes are written in hexadecimal: two digits a byte, with blanks or colons between bytes.

import { expect, test } from "bun:test";
import { hexBytes } from "../../src/fields/exchange.ts";

test.each([
  ["00", [0]],
  ["00ff10", [0, 255, 16]],
  ["FF Fe", [255, 254]],
  ["16:03:01", [22, 3, 1]],
  [" 16 03\n01\t", [22, 3, 1]],
  [12, [0x12]],
])("%j is bytes", (given, bytes) => {
  expect(hexBytes.read(given)).toEqual({ value: new Uint8Array(bytes) });
});

test.each(["", " ", "0", "0 0", "000", "0x10", "xx", "00-ff", "ff,fe", true, null, [["00"]], {}, "f f", "::"])(
  "%j is not",
  (given) => {
    expect(hexBytes.read(given)).not.toHaveProperty("value");
  },
);
