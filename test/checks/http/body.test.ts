// What is shown of a body is safe to show.

import { expect, test } from "bun:test";
import { excerpt } from "../../../src/checks/http/body.ts";

test("an excerpt is short, readable and redacted", () => {
  const redact = (text: string) => text.replaceAll("secret", "***");
  expect(excerpt(Buffer.from(" \n"), redact)).toBeUndefined();
  expect(excerpt(Buffer.from("a\0\x1b[1mb secret\n"), redact)).toBe("a\ufffd\u001b[1mb ***");
  const long = excerpt(Buffer.from("🎈".repeat(300)), redact) ?? "";
  expect(long).toHaveLength(201);
  expect(long.isWellFormed()).toBe(true);
});
