// fast-check, with the runs of a property decided here: from a fixed seed, so that a run can be
// repeated, or from any seed and for a time, which `bun run properties` asks for.

import * as fc from "fast-check";

export * from "fast-check";

const FIXED_SEED = 1;

/** The environment: the seed, how long each property runs, and the path of a failure that is to be repeated. */
const { PROPERTY_SEED, PROPERTY_SECONDS: seconds, PROPERTY_PATH: path } = process.env;

export const SEED = Number(PROPERTY_SEED ?? FIXED_SEED);

/** What a property's own parameters do not override. */
const FOR_ALL = {
  seed: SEED,
  ...(seconds !== undefined && { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: Number(seconds) * 1000 }),
  ...(path !== undefined && { path }),
};

/** As fast-check's own, which it hides from those who import this module. */
export function assert<Values>(property: fc.IAsyncProperty<Values>, parameters?: fc.Parameters<Values>): Promise<void>;
export function assert<Values>(property: fc.IProperty<Values>, parameters?: fc.Parameters<Values>): void;
export function assert<Values>(
  property: fc.IRawProperty<Values>,
  parameters: fc.Parameters<Values> = {},
): Promise<void> | void {
  return fc.assert(property, { ...parameters, ...FOR_ALL });
}
