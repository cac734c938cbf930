// A page is shown by its title, else by its first words; any other text is not a page.

import { expect, test } from "bun:test";
import { wordsOfHtml } from "../../src/text/html.ts";
import * as fc from "../support/properties.ts";

test.each([
  ["<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway"],
  ["<!DOCTYPE html>\r\n<HTML>\r\n<TITLE>\r\n Not\r\n found </TITLE>", "Not found"],
  ["<html><body><h1>503 Service Unavailable</h1>\nNo server.\n</body></html>\n", "503 Service Unavailable No server."],
  ["<html><title></title><body>It broke</body></html>", "It broke"],
  ["<html><!-- <title>no</title> --><style>p { color: red }</style><script>if (a < b) c()</script><p>yes", "yes"],
  ["<html><style>p {", ""],
  ["<html><title>cut of", "cut of"],
  ["<html><body>a &amp; b &lt;c&gt; &#8211; &#x41; &unknown; &#0; &#xd800;", "a & b <c> – A &unknown; &#0; &#xd800;"],
  ["<html><svg><title>icon</title></svg><title>App</title>", "App"],
  ["<h1>Down</h1>", "Down"],
  ["<?xml version='1.0'?><!DOCTYPE html><html><title>x1</title></html>", "x1"],
  // Only the end, as of a long page of which the last 4 KiB are kept.
  ["iv>Try again later</div></body></html>\n", "iv>Try again later"],
  ["<html></html>", ""],
  ["OK", undefined],
  ["", undefined],
  ["usage: <file>", undefined],
  ["<error>no</error>", undefined],
  ["<header>no</header>", undefined],
])("%j", (text, words) => {
  expect(wordsOfHtml(text)).toBe(words);
});

test("any text gives one line soon", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "<html>",
      "<",
      ">",
      "<!--",
      "-->",
      "<script",
      "</script>",
      "<title>",
      "&#",
      "&#x41;",
      "a",
      "\n",
      "\r",
    ),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      expect(wordsOfHtml(parts.join("")) ?? "").toMatch(/^[^\r\n]*$/);
    }),
    { numRuns: 500 },
  );
  expect(wordsOfHtml(`<html>${"<!--".repeat(16_000)}`)).toBe("");
  expect(wordsOfHtml(`<html>${"<script ".repeat(8000)}`)).toBe("");
  expect(wordsOfHtml("<!---->".repeat(9000))).toBeUndefined();
});
