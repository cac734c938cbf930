// Finds the directives of an installed unit that are missing or too strict for what the options need. A directive that
// could be stricter, or that hides nothing needed, is no difference. A new rule belongs to a file of rules/.

import { onOneLine } from "../../../text/printable.ts";
import type { Difference, Rule } from "./difference.ts";
import { EXECUTION_RULES } from "./rules/execution.ts";
import { limits } from "./rules/limits.ts";
import { NETWORK_RULES } from "./rules/network.ts";
import { restrictions } from "./rules/restrictions.ts";
import { SANDBOX_RULES } from "./rules/sandbox.ts";
import { secrets } from "./rules/secrets.ts";
import { SERVICE_RULES } from "./rules/service.ts";

/** In the order of the lines that are printed. */
const RULES: readonly Rule[] = [
  limits,
  ...SERVICE_RULES,
  secrets,
  ...SANDBOX_RULES,
  ...EXECUTION_RULES,
  restrictions,
  ...NETWORK_RULES,
];

export const compareUnit: Rule = (unit, requirements) => RULES.flatMap((rule) => rule(unit, requirements));

export const describeDifference = ({ directive, needed, installed, by }: Difference): string =>
  onOneLine(`${directive}=: needed ${needed}, installed ${installed}; for ${by}`);
