// A standard validator with the JSON Schema of the status.

import Ajv2020 from "ajv/dist/2020.js";
import { statusSchema } from "../../src/status/json-schema.ts";

const ajv = new Ajv2020({
  strict: true,
  allErrors: true,
  formats: { "date-time": (text) => !Number.isNaN(Date.parse(text)) },
});
ajv.addSchema(statusSchema(), "status");

/** What is wrong with a document; null if nothing is. `definition` is one of `$defs`, by default the whole. */
export function schemaErrors(json: string, definition?: string): unknown {
  const validate = ajv.getSchema(definition === undefined ? "status" : `status#/$defs/${definition}`);
  if (!validate) throw new Error(`no schema of ${definition}`);
  validate(JSON.parse(json));
  return validate.errors;
}
