// A recipe of docs/checks.md as a config file: the page's own YAML, with the places of a test's servers.

import { join } from "node:path";
import type { CheckRun } from "../../src/status/schema.ts";
import { ROOT } from "./binary.ts";
import { run } from "./run.ts";
import { tempFolder } from "./temp.ts";

const PAGE = await Bun.file(join(ROOT, "docs/checks.md")).text();

/** The text of each recipe by its heading. */
export const RECIPES: ReadonlyMap<string, string> = new Map(
  PAGE.slice(PAGE.indexOf("\n## Recipes\n"))
    .split("\n### ")
    .slice(1)
    .map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end + 1)];
    }),
);

export const NOT_TESTED = "*Not tested here.*";

export interface Recipe extends AsyncDisposable {
  /** The path of the config file. */
  readonly file: string;
  /** Runs its checks once: by name "up", "up, with a warning" or the reason of the failure. */
  states(): Promise<Readonly<Record<string, string>>>;
}

/** `places`: texts of the page, each with what a test has instead. Throws if the page has no such text. */
export async function recipe(heading: string, places: Readonly<Record<string, string>>): Promise<Recipe> {
  const [, block] = /^```yaml\n(.*?)^```$/ms.exec(RECIPES.get(heading) ?? "") ?? [];
  if (block === undefined) throw new Error(`docs/checks.md has no recipe ${heading}`);
  let yaml = block;
  for (const [written, own] of Object.entries(places)) {
    if (!yaml.includes(written)) throw new Error(`the recipe ${heading} has no ${written}`);
    yaml = yaml.replaceAll(written, own);
  }
  const folder = await tempFolder();
  const file = await folder.write("recipe.yaml", yaml.startsWith("- ") ? `checks:\n${yaml}` : yaml);
  return {
    file,
    async states() {
      const { out, err, exitCode } = await run(["check", "--config", file, "--json"]);
      if (exitCode > 1) throw new Error(`check exited with ${exitCode}: ${out}${err}`);
      const { checks } = JSON.parse(out) as { checks: readonly CheckRun[] };
      return Object.fromEntries(checks.map((check) => [check.name, stateOf(check)]));
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

function stateOf({ status, reason, warning }: CheckRun): string {
  if (status === "down") return reason ?? "no reason";
  return warning === undefined ? "up" : "up, with a warning";
}
