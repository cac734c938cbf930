// The JSON Schema of what `status --json` and `check --json` print. It allows fields that it does not know, since a
// later version may add some. Load it only by import(), as schema.ts.

import { z } from "zod";
import { CheckHistory, CheckRuns, HostStatus } from "./schema.ts";

/** By the name of the definition. */
const DOCUMENTS = {
  HostStatus,
  CheckHistory,
  Clients: HostStatus.unwrap().pick({ clients: true }),
  CheckRuns,
};

type JsonSchema = Readonly<Record<string, unknown>>;

/** Draft 2020-12. The whole is a HostStatus; the other documents are in `$defs`. */
export function statusSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "health-checker's status",
    description:
      "What status --json prints. $defs/CheckHistory: status CHECK --json. $defs/Clients: status --clients --json. $defs/CheckRuns: check --json.",
    $ref: "#/$defs/HostStatus",
    $defs: Object.fromEntries(Object.entries(DOCUMENTS).map(([name, schema]) => [name, describe(schema)])),
  };
}

function describe(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...described } = z.toJSONSchema(schema, {
    io: "input",
    override({ jsonSchema }) {
      // All is read-only, and the pattern of a time is longer than the rest.
      delete jsonSchema.readOnly;
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  return described;
}
