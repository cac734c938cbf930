// Runs in the guest: tries everything in order, and says a line for each on the serial line.

import { drills } from "./drills.ts";
import type { Finding } from "./finding.ts";
import { BEGIN, END, MARK } from "./finding.ts";

console.log(BEGIN);
for (const { name, body } of drills) {
  const start = performance.now();
  let why: string | undefined;
  try {
    await body();
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  const finding: Finding = { name, ms: Math.round(performance.now() - start), ...(why !== undefined && { why }) };
  console.log(`${MARK}${JSON.stringify(finding)}`);
}
console.log(END);
process.exit(0);
