// The schema of a config file, from the table of options and the kinds of check. It
// validates, and JSON Schema and the tables of docs/configuration.md come from it.

import type { ZodObject, ZodType } from "zod";
import { SEVERITIES, type Severity } from "../checks/check.ts";
import type { CheckKind } from "../checks/kind.ts";
import { KINDS } from "../checks/kinds.ts";
import { duration, oneOf, takes, text, wholeNumber } from "../fields/field.ts";
import type { Zod } from "../fields/zod.ts";
import { interval, OPTION_NAMES, optionDef } from "./options.ts";

/** What a check of any kind may say. */
export interface CommonKeys {
  readonly name?: string | undefined;
  readonly timeout?: number | undefined;
  readonly rise?: number | undefined;
  readonly fall?: number | undefined;
  readonly interval?: number | undefined;
  readonly "stale-after"?: number | undefined;
  readonly severity?: Severity | undefined;
}

export type Defaults = Omit<CommonKeys, "name" | "interval">;

export interface FileSchema {
  readonly z: Zod;
  /** The keys of the file; in `checks` anything, since each check is read by its kind's keys. */
  readonly frame: ZodObject;
  readonly kinds: readonly { readonly kind: CheckKind; readonly keys: ZodObject }[];
  /** The keys that are not a kind's own. */
  readonly common: ZodObject;
  readonly defaults: ZodObject;
}

const LONGEST_NAME = 100;

/** How many results in a row anyone would wait for. */
const MOST_IN_A_ROW = 1000;

const checkName = {
  ...text(`a name of at most ${LONGEST_NAME} characters`),
  read(given: unknown) {
    const read = text(`a name of at most ${LONGEST_NAME} characters`).read(given);
    if (!("value" in read)) return read;
    if (/\p{Cc}/u.test(read.value)) return { hint: "it holds a control character" };
    return read.value.length <= LONGEST_NAME ? read : {};
  },
};

export async function createFileSchema(): Promise<FileSchema> {
  const { z } = await import("zod");
  const loaded = await Promise.all(Object.values(KINDS).map((load) => load() as Promise<CheckKind>));
  const inARow = wholeNumber(1, MOST_IN_A_ROW);
  const shared = {
    timeout: takes(
      z,
      duration,
      "how long a run may take; its default is 5s, or what `script-timeout` and `port-timeout` say",
    ).optional(),
    rise: takes(
      z,
      inARow,
      "how many passes in a row turn it up when it is down; default 1. Above 1 it needs an interval",
    ).optional(),
    fall: takes(
      z,
      inARow,
      "how many failures in a row turn it down when it is up; default 1. Above 1 it needs an interval",
    ).optional(),
    "stale-after": takes(
      z,
      duration,
      "a result in the background older than this counts no more; default 3 intervals and the timeout",
    ).optional(),
    severity: takes(
      z,
      oneOf(SEVERITIES),
      "`critical` decides the host, `warning` is reported and does not, `endpoint` decides only the endpoints that name it; default `critical`",
    ).optional(),
  };
  const own = {
    name: takes(
      z,
      checkName,
      "what it is called in the log and in `endpoints`; unique; default: kind and target",
    ).optional(),
    interval: takes(z, interval, "run it in the background this often; default: the option `interval`").optional(),
  };
  const { name, interval: every } = own;
  const common = z.strictObject({ name, ...shared, interval: every });
  const kinds = loaded.map((kind) => ({
    kind,
    keys: z
      .strictObject({ ...kind.shape(z), ...common.shape })
      .meta({ title: kind.name, description: `Passes when ${kind.rule}.` }),
  }));
  const defaults = z.strictObject(shared);
  const frame = z
    .strictObject({
      ...optionKeys(z),
      defaults: defaults.meta({ description: "for every check that does not say otherwise" }).optional(),
      checks: checks(z, z.unknown()),
      endpoints: endpoints(z).optional(),
    })
    .meta({ title: "health-checker's config file" });
  return { z, frame, kinds, common, defaults };
}

/** JSON Schema (draft 2020-12) of what one writes. */
export async function jsonSchema(): Promise<Readonly<Record<string, unknown>>> {
  const { z, frame, kinds } = await createFileSchema();
  const whole = frame.extend({ checks: checks(z, z.union(kinds.map(({ keys }) => keys))) }).meta(frame.meta() ?? {});
  return z.toJSONSchema(whole, {
    io: "input",
    unrepresentable: "any",
    // zod leaves out the examples of what it transforms; those of ours are of what one writes.
    override({ zodSchema, jsonSchema }) {
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
}

const checks = (z: Zod, check: ZodType) =>
  z.array(check).meta({ description: "what is checked; each has the key of one kind" }).optional();

function optionKeys(z: Zod): Readonly<Record<string, ZodType>> {
  const keys: Record<string, ZodType> = {};
  for (const name of OPTION_NAMES) {
    const { field, help, repeatable, commandLineOnly, default: fallback } = optionDef(name);
    if (commandLineOnly) continue;
    const description = fallback === undefined ? help : `${help}; default ${fallback}`;
    const one = takes(z, field, description);
    // The list first: for --script a list of texts is several commands, and not the words of one.
    keys[name] = (
      repeatable ? z.union([z.array(one), one]).meta({ description: `${help}; one or a list` }) : one
    ).optional();
  }
  return keys;
}

/** As a request has it: whoever asks writes all else as %XX, and takes dots for folders. */
const endpointPath = /^(?!(.*\/)?\.\.?(\/|$))\/[!$-;=@-Z[\]_a-z|~]*$/;

function endpoints(z: Zod): ZodType {
  return z
    .record(
      z.string().regex(endpointPath),
      z.array(takes(z, text("the name of a check"), "the name of a check")).min(1),
    )
    .meta({
      description:
        "paths of the health listener, each with the names of the checks that decide it, whatever their severity",
    });
}
