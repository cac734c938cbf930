// The keys of a mapping in a config file: the field of each key, and whether the key may be absent.
//
// A key becomes a zod schema only if a file is read: zod costs 15 ms at start, which a daemon without a config file need not
// spend.

import type { ZodObject, ZodOptional, ZodPrefault, ZodType, z } from "zod";
import type { Field } from "./field.ts";

export type Zod = typeof import("./zod.ts");

export interface Key<Schema extends ZodType = ZodType> {
  readonly schema: (z: Zod) => Schema;
}

export type Keys = Readonly<Record<string, Key>>;

type SchemaOf<K> = K extends Key<infer Schema> ? Schema : never;

type Shape<K extends Keys> = { -readonly [Name in keyof K]: SchemaOf<K[Name]> };

/** The values of a mapping with these keys. */
export type Values<K extends Keys> = z.output<ZodObject<Shape<K>>>;

/** A mistake in a combination of keys. `path` leads from the check to the key; no text may contain a secret. */
export interface Conflict {
  readonly path: readonly string[];
  readonly expected: string;
  readonly got: string;
}

/** A wrong value becomes a zod issue "custom" whose params are the field's `Invalid`. */
export function required<T>(field: Field<T>, description: string): Key<ZodType<T>> {
  return { schema: (z) => schemaOf(z, field, description) };
}

export function optional<T>(field: Field<T>, description: string): Key<ZodOptional<ZodType<T>>> {
  return { schema: (z) => schemaOf(z, field, description).optional() };
}

/** `written` is the default as a user would write it. */
export function withDefault<T>(
  field: Field<T>,
  description: string,
  written: string | number | boolean,
): Key<ZodPrefault<ZodType<T>>> {
  return { schema: (z) => schemaOf(z, field, description).prefault(written) };
}

/**
 * Neither a zod type for each field nor a codec (ADR 5). A field also reads the command line, and its message depends
 * on the value: "put it in quotes". zod's types would refuse the value first, in other words, and make
 * other JSON Schema. A codec needs the way back, from the value to its text, which nothing uses.
 */
function schemaOf<T>(z: Zod, field: Field<T>, description: string): ZodType<T> {
  return z
    .unknown()
    .transform((given, context): T => {
      const read = field.read(given);
      if ("value" in read) return read.value;
      const { expected = field.expected, hint, path = [] } = read;
      context.issues.push({ code: "custom", input: given, path: [...path], params: { expected, hint } });
      return z.NEVER;
    })
    .meta({ ...field.json, description });
}

/** An object with these keys and no others; the message of a zod issue "unrecognized_keys" is the list of their names. */
export function mapping<K extends Keys>(z: Zod, keys: K): ZodObject<Shape<K>, z.core.$strict> {
  const shape = Object.fromEntries(Object.entries(keys).map(([name, { schema }]) => [name, schema(z)])) as Shape<K>;
  return z.strictObject(shape, {
    error: ({ code }) => (code === "unrecognized_keys" ? Object.keys(keys).join(" ") : undefined),
  });
}
