// The man pages and completions of a release, as `health-checker man` and `health-checker completions` print them.

import { COMMANDS } from "../src/cli/commands.ts";
import { completion as completionOf, type Shell } from "../src/cli/completions/completions.ts";
import { manPage as manPageOf } from "../src/cli/man/man.ts";

/** health-checker(1) or health-checker.yaml(5). `date` is that of the release, such as "2026-11-28". */
export const manPage = (section: 1 | 5, date?: string): Promise<string> => manPageOf(section, COMMANDS, date);

export const completion = (shell: Shell): Promise<string> => completionOf(shell, COMMANDS);
