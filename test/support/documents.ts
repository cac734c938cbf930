// The pages that a user reads, and what stands in them.

import { ROOT } from "./binary.ts";

/** A fenced block. `language` is the first word after the fence. */
export interface Block {
  readonly language: string;
  /** What follows the language: "envoy" of "yaml envoy". */
  readonly title: string;
  readonly text: string;
}

/** A block in a list is indented. */
const FENCE = /^ *```(\w*) ?([^\n]*)\n(.*?)^ *```$/gms;

/** README, the pages in docs/ and those beside README, by their paths below ROOT. */
export async function documentFiles(): Promise<readonly string[]> {
  const pages = await Array.fromAsync(new Bun.Glob("docs/**/*.md").scan(ROOT));
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...pages.sort()];
}

export const blocksOf = (page: string): readonly Block[] =>
  [...page.matchAll(FENCE)].map(([, language = "", title = "", text = ""]) => ({ language, title, text }));

/** The page without its blocks and its code, where nothing is a link. */
export const proseOf = (page: string): string => page.replace(FENCE, "").replace(/`[^`\n]*`/g, "");

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of page.replace(FENCE, "").matchAll(/^#{1,6} (.+)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const plain = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    let anchor = plain;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${plain}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
