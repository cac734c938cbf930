// The pages that a user reads, and what stands in them.

import { join } from "node:path";
import { ROOT } from "./binary.ts";

/** A fenced block. `language` is the first word after the fence. */
export interface Block {
  readonly language: string;
  /** What follows the language: "envoy" of "yaml envoy". */
  readonly title: string;
  readonly text: string;
  /** The heading above it, without its `#`. */
  readonly section: string;
}

/** A block in a list is indented. */
const FENCE = /^ *```(\w*) ?([^\n]*)\n(.*?)^ *```$/gms;
const FENCE_OR_HEADING = new RegExp(`${FENCE.source}|^#+ ([^\\n]*)$`, FENCE.flags);

/** README, the pages in docs/ and those beside README, by their paths below ROOT. */
export async function documentFiles(): Promise<readonly string[]> {
  const pages = await Array.fromAsync(new Bun.Glob("docs/**/*.md").scan(ROOT));
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...pages.sort()];
}

/** `page` is a path below ROOT. */
export const readPage = (page: string): Promise<string> => Bun.file(join(ROOT, page)).text();

export function blocksOf(page: string): readonly Block[] {
  const found: Block[] = [];
  let section = "";
  for (const [, language, title = "", text = "", heading = ""] of page.matchAll(FENCE_OR_HEADING)) {
    if (language === undefined) section = heading;
    else found.push({ language, title, text, section });
  }
  return found;
}

/** The one block of its language in a section; throws where there are more, or none. */
export function blockIn(page: string, section: string, language: string): string {
  const [block, ...more] = blocksOf(page).filter((each) => each.section === section && each.language === language);
  if (block === undefined || more.length > 0) throw new Error(`expected one block of ${language} under ${section}`);
  return block.text;
}

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
