// Makes the schema of a config file from the table of options and the kinds of check. The schema validates, and JSON
// Schema and the tables of docs/configuration.md come from it.

import type { ZodObject, ZodType } from "zod";
import type { CheckKind } from "../checks/kind.ts";
import { KINDS } from "../checks/kinds.ts";
import { text } from "../fields/field.ts";
import { type Key, type Keys, mapping, optional, required, type Zod } from "../fields/keys.ts";
import { COMMON_KEYS } from "./common-keys.ts";
import { ENDPOINT_PATH } from "./endpoint-path.ts";
import { OPTION_NAMES, type OptionDef, optionDef } from "./options.ts";

export interface FileSchema {
  readonly z: Zod;
  /** The keys at the top of the file. `checks` takes anything here: the keys of its kind validate each check. */
  readonly topLevel: ZodObject;
  readonly kinds: readonly { readonly kind: CheckKind; readonly keys: ZodObject }[];
  /** The keys that a check of any kind takes. */
  readonly common: ZodObject;
  readonly defaults: ZodObject;
}

export async function createFileSchema(): Promise<FileSchema> {
  const z = await import("../fields/zod.ts");
  const loaded = await Promise.all(Object.values(KINDS).map((load) => load() as Promise<CheckKind>));
  const { name, interval, ...shared } = commonKeys();
  const common = { name, ...shared, interval };
  const kinds = loaded.map((kind) => ({
    kind,
    keys: mapping(z, { ...kind.keys, ...common }).meta({
      title: kind.name,
      description: `Passes when ${kind.rule}.`,
    }),
  }));
  const defaults = mapping(z, shared);
  const topLevel = mapping(z, {
    ...optionKeys(),
    defaults: {
      schema: () => defaults.meta({ description: "Values for every check that does not set its own." }).optional(),
    },
    checks: { schema: () => checks(z, z.unknown()) },
    endpoints: { schema: () => endpoints(z).optional() },
  }).meta({ title: "health-checker's config file" });
  return { z, topLevel, kinds, common: mapping(z, common), defaults };
}

/** JSON Schema (draft 2020-12) of a config file as written. */
export async function jsonSchema(): Promise<Readonly<Record<string, unknown>>> {
  const { z, topLevel, kinds } = await createFileSchema();
  const whole = topLevel
    .extend({ checks: checks(z, z.union(kinds.map(({ keys }) => keys))) })
    .meta(topLevel.meta() ?? {});
  return z.toJSONSchema(whole, {
    io: "input",
    unrepresentable: "any",
    // zod leaves out the examples of transformed values; ours are examples of values as written.
    override({ zodSchema, jsonSchema }) {
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
}

const checks = (z: Zod, check: ZodType) =>
  z.array(check).meta({ description: "The checks. Each item has the key of one kind." }).optional();

function commonKeys() {
  const keys = Object.entries(COMMON_KEYS).map(([name, { field, description }]) => [
    name,
    optional<unknown>(field, description),
  ]);
  return Object.fromEntries(keys) as Readonly<Record<keyof typeof COMMON_KEYS, Key>>;
}

function optionKeys(): Keys {
  const options = OPTION_NAMES.map((name) => [name, optionDef(name)] as const);
  return Object.fromEntries(
    options.filter(([, { commandLineOnly }]) => !commandLineOnly).map(([name, option]) => [name, optionKey(option)]),
  );
}

function optionKey({ field, help, repeatable, default: written }: OptionDef<unknown>): Key {
  const one = required(field, written === undefined ? help : `${help} Default: \`${written}\`.`).schema;
  if (!repeatable) return { schema: (z) => one(z).optional() };
  // The list first: under `script` a list of texts is several commands, not the words of one.
  const many = (z: Zod) => z.union([z.array(one(z)), one(z)]).meta({ description: `${help} One value, or a list.` });
  return { schema: (z) => many(z).optional() };
}

function endpoints(z: Zod): ZodType {
  return z
    .record(
      z.string().regex(ENDPOINT_PATH),
      z.array(required(text("the name of a check"), "the name of a check").schema(z)).min(1),
    )
    .meta({
      description:
        "Paths of the health listener with an answer of their own. Each lists the names of the checks that decide it, of any severity.",
    });
}
