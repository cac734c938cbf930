// What `bun run build --all` has left in dist/ for Linux runs on the oldest processors that it is for.
//
// Its name is none that `bun test` looks for: the release job runs it, before anything is published.

import { join } from "node:path";
import { ROOT } from "../support/binary.ts";
import { needs } from "../support/needs.ts";
import { expectToRun, PLATFORMS } from "./platforms.ts";

for (const platform of PLATFORMS) {
  const test = await needs(...platform.needs);
  test(
    `${platform.asset} runs on a ${platform.processor}`,
    () => expectToRun(join(ROOT, "dist", platform.asset), platform),
    240_000,
  );
}
