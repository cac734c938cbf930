// What is put into a template is text, whatever it holds.

import { expect, test } from "bun:test";
import { breakable, html, joined, outputOf } from "../../../../src/listeners/admin/page/html.ts";
import * as fc from "../../../support/properties.ts";

test.each([
  ["plain text, 100% of it", "plain text, 100% of it"],
  [`</script><b title="x" y='z'>&amp;`, "&lt;/script&gt;&lt;b title=&quot;x&quot; y=&#x27;z&#x27;&gt;&amp;amp;"],
  ["\u202egnp.exe", "\\u202egnp.exe"],
  ["\u0000\u001b[31m\n\u2028", "\\u0000\\u001b[31m\\u000a\\u2028"],
  ["žluťoučký 日本", "žluťoučký 日本"],
])("%j is %j", (text, markup) => {
  expect(html`<b>${text}</b>`.markup).toBe(`<b>${markup}</b>`);
});

test("markup, lists of it and numbers are put in as they are", () => {
  const items = ["a", "<"].map((text) => html`<li>${text}</li>`);
  expect(html`<ul>${items}</ul>${html`<b>${7}</b>`}`.markup).toBe("<ul><li>a</li><li>&lt;</li></ul><b>7</b>");
  expect(joined(items, ", ").markup).toBe("<li>a</li>, <li>&lt;</li>");
});

test("a path may be broken after each part", () => {
  expect(breakable("http://a/b<c/").markup).toBe("http://<wbr>a/<wbr>b&lt;c/");
  expect(breakable("/usr/bin").markup).toBe("/usr/<wbr>bin");
});

test("an output keeps its lines and tabs, and loses its colours", () => {
  expect(outputOf("a\r\n\tb\rc\u001b[31m<red>\u001b[0m\u0007").markup).toBe("a\n\tb\nc&lt;red&gt;\\u0007");
});

test("no text can end an element or an attribute in double quotes", () => {
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[<>"'&\\/=a-z\u202e\n]*$/));
  fc.assert(
    fc.property(texts, (text) => {
      for (const { markup } of [html`${text}`, outputOf(text)])
        expect(markup).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#x27);)/);
    }),
  );
});
