// Sizes are read as GNU's tools read them, and shown so that too little never looks enough.

import { expect, test } from "bun:test";
import { formatSize, isBinary, MAX_SIZE_BYTES, parseSize } from "../../src/text/size.ts";
import * as fc from "../support/properties.ts";

test.each([
  ["0B", 0],
  ["1B", 1],
  ["500MB", 500e6],
  ["500 MB", 500e6],
  ["2GiB", 2 * 1024 ** 3],
  ["2G", 2 * 1024 ** 3],
  ["1k", 1024],
  ["1K", 1024],
  ["1kB", 1000],
  ["1KiB", 1024],
  ["1.5TB", 1.5e12],
  ["1.5gib", 1.5 * 1024 ** 3],
  ["1PiB", 1024 ** 5],
  ["0.1B", 1],
  ["16.1kB", 16100],
] as const)("%s is %d bytes", (text, sizeBytes) => {
  expect(parseSize(text)).toBe(sizeBytes);
});

test.each([
  "",
  "10",
  "B",
  "iB",
  "1iB",
  "MB",
  "-1MB",
  "+1MB",
  "1e3MB",
  "1,5GB",
  "1.GB",
  ".5GB",
  "1  GB",
  "1GBs",
  "1EB",
  "9999PB",
  "1Gb/s",
  "10%",
  " 1GB",
  "1GB\n",
])("%j is no size", (text) => {
  expect(parseSize(text)).toBeUndefined();
});

test("a formatted size is read back as not more, and as less by a hundredth at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_SIZE_BYTES }), fc.boolean(), (sizeBytes, binary) => {
      const shown = formatSize(sizeBytes, binary);
      const read = parseSize(shown) ?? Number.NaN;
      // Read back it is rounded up to a whole byte.
      expect(read).toBeLessThanOrEqual(sizeBytes + 1);
      expect(read).toBeGreaterThanOrEqual(sizeBytes * 0.99);
      expect(shown.length).toBeLessThanOrEqual("1023 GiB".length);
      if (sizeBytes >= 1024) expect(isBinary(shown)).toBe(binary);
    }),
  );
});

test("a whole number of units is that many bytes, in any case", () => {
  const units = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, K: 1024, M: 1024 ** 2, GiB: 1024 ** 3, T: 1024 ** 4 };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8000 }),
      fc.constantFrom(...Object.entries(units)),
      (count, [unit, bytes]) => {
        for (const text of [`${count}${unit}`, `${count} ${unit.toLowerCase()}`, `${count}${unit.toUpperCase()}`]) {
          expect(parseSize(text)).toBe(count * bytes);
        }
      },
    ),
  );
});

test("no text gives more than the largest exact size, and none throws", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,20}(\.\d{1,12})? ?[kKmMgGtTpP]?(i?[bB])?$/)), (text) => {
      const read = parseSize(text);
      if (read !== undefined) expect(Number.isSafeInteger(read) && read >= 0).toBe(true);
    }),
  );
});
