// Every relative link and anchor in the documents leads somewhere, and every document that the code names exists.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ROOT } from "../support/binary.ts";
import { anchorsOf, documentFiles, proseOf } from "../support/documents.ts";

interface Link {
  /** Relative to the folder of the page that has it. Empty for a link within the page. */
  readonly path: string;
  readonly anchor: string | undefined;
}

const pages = await documentFiles();
const anchors = new Map(
  await Promise.all(pages.map(async (page) => [page, anchorsOf(await Bun.file(join(ROOT, page)).text())] as const)),
);

test.each(pages)("every link of %s leads somewhere", async (page) => {
  const text = proseOf(await Bun.file(join(ROOT, page)).text());
  expect(linksOf(text).flatMap((link) => findBroken(page, link))).toEqual([]);
});

test("a link to a missing file, a missing anchor of a page and one of the same page are found", () => {
  const broken = (text: string) => linksOf(text).flatMap((link) => findBroken("docs/checks.md", link));
  expect(broken("[a](nothing.md) [b](../README.md#nothing) [c](#nothing)\n[d]: ../nothing.md")).toEqual([
    "nothing.md",
    "../README.md#nothing",
    "#nothing",
    "../nothing.md",
  ]);
  expect(broken("[a](../README.md) [b](https://example.com/#x) ![c](checks.md)")).toEqual([]);
});

test("headings have the anchors that GitHub gives them", () => {
  const text = "# What `a b` is, really\n## The [agent](x.md)\n## The agent\n## `{env:NAME}`: it's\n```\n# none\n```\n";
  expect([...anchorsOf(text)]).toEqual(["what-a-b-is-really", "the-agent", "the-agent-1", "envname-its"]);
});

test("every document that the code and the packages name exists", async () => {
  const missing: string[] = [];
  for (const file of new Bun.Glob("{src,packaging,test/testdata,bench,docs}/**/*.{ts,service,conf,yaml}").scanSync(
    ROOT,
  )) {
    const text = await Bun.file(join(ROOT, file)).text();
    for (const [name] of text.matchAll(/\bdocs\/[\w/-]+\.md\b/g)) {
      if (!existsSync(join(ROOT, name))) missing.push(`${file}: ${name}`);
    }
  }
  expect(missing).toEqual([]);
});

/** Links in brackets, and definitions of links below the text. Those to other hosts are left out. */
function linksOf(text: string): readonly Link[] {
  const targets = [...text.matchAll(/\]\(([^()\s]+)\)|^\[[^\]]+\]:\s+(\S+)/gm)].map(
    ([, inline, defined]) => inline ?? defined ?? "",
  );
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = "", anchor] = target.split("#");
      return { path, anchor };
    });
}

/** The link as written if it leads nowhere. */
function findBroken(page: string, { path, anchor }: Link): readonly string[] {
  const target = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
  const written = anchor === undefined ? path : `${path}#${anchor}`;
  if (!existsSync(join(ROOT, target))) return [written];
  // Of another kind of file the anchor is a line, or a heading that this test does not know.
  const known = anchors.get(target);
  return anchor === undefined || known === undefined || known.has(anchor) ? [] : [written];
}
