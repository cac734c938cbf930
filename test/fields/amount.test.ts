// How much must be left is a size, a number or a percentage; a size always has a unit.

import { expect, test } from "bun:test";
import { count, size } from "../../src/fields/amount.ts";
import * as fc from "../support/properties.ts";

test("a size has a unit or is a percentage", () => {
  expect(size.read("10%")).toEqual({ value: { text: "10%", percent: 10 } });
  expect(size.read("0.5 %")).toEqual({ value: { text: "0.5 %", percent: 0.5 } });
  expect(size.read("2GiB")).toEqual({ value: { text: "2GiB", count: 2 * 1024 ** 3 } });
  expect(size.read(10)).toEqual({ hint: "add a unit: 10GB, 10GiB or 10%" });
  expect(size.read("10")).toEqual({ hint: "add a unit: 10GB, 10GiB or 10%" });
  expect(size.read("0%")).toEqual({ expected: "a percentage above 0% and up to 100%" });
  expect(size.read("101%")).toEqual({ expected: "a percentage above 0% and up to 100%" });
  expect(size.read("0GB")).toEqual({ expected: "more than zero" });
});

test("a count has no unit or is a percentage", () => {
  expect(count.read(5000)).toEqual({ value: { text: "5000", count: 5000 } });
  expect(count.read("5%")).toEqual({ value: { text: "5%", percent: 5 } });
  expect(count.read("5k")).toEqual({});
  expect(count.read(0)).toEqual({ expected: "more than zero" });
  expect(count.read(1.5)).toEqual({});
});

test("any value is read or refused; the message does not contain a value that is no number", () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string(), fc.double()), (given) => {
      for (const field of [size, count]) {
        const read = field.read(given);
        if ("value" in read) {
          const { value } = read;
          expect("percent" in value ? value.percent > 0 && value.percent <= 100 : value.count > 0).toBe(true);
        } else if (typeof given === "string" && !/^[\d.]+$/.test(given) && given.length > 8) {
          expect(JSON.stringify(read)).not.toContain(given);
        }
      }
    }),
  );
});
