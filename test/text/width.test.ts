// Texts that are cut to a width, whatever characters they hold.

import { expect, test } from "bun:test";
import { cut } from "../../src/text/width.ts";

test("a text that is cut fits its width, however wide its characters are", () => {
  for (const [text, width, expected] of [
    ["database", 8, "database"],
    ["database", 7, "databa…"],
    ["database", 1, "…"],
    ["数据库", 6, "数据库"],
    ["数据库", 5, "数据…"],
    ["数据库", 4, "数…"],
    ["数据库", 2, "…"],
    ["数据库", 1, "…"],
    // Outside the basic plane: two columns, one column.
    ["𠀀𠀀𠀀", 5, "𠀀𠀀…"],
    ["𠀀𠀀𠀀", 4, "𠀀…"],
    ["⺀\u{3fffe}a", 3, "⺀…"],
    // One character of several code points.
    ["a👨‍👩‍👧b", 3, "a…"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  ] as const) {
    const fitting = cut(text, width);
    expect({ text, width, fitting }).toEqual({ text, width, fitting: expected });
    expect(Bun.stringWidth(fitting)).toBeLessThanOrEqual(width);
  }
});
