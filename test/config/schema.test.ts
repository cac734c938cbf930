// A standard validator accepts the JSON Schema, and judges files with it as the daemon does.

import { expect, test } from "bun:test";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { parse } from "yaml";
import { loadOptions } from "../../src/config/load.ts";
import { OPTION_NAMES, optionDef } from "../../src/config/options.ts";
import { createFileSchema, jsonSchema } from "../../src/config/schema.ts";

const TESTDATA = join(import.meta.dir, "../testdata/config");
const schema = await jsonSchema();
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true }).compile(schema);

const filesOf = async (folder: string) =>
  (await Array.fromAsync(new Bun.Glob("*.yaml").scan(join(TESTDATA, folder)))).sort();

const accepts = async (file: string): Promise<boolean> => {
  try {
    return validate(parse(await Bun.file(file).text(), { maxAliasCount: 10, logLevel: "error" }));
  } catch {
    // It is not YAML.
    return false;
  }
};

test.each(await filesOf("good"))("%s is valid for the daemon and for the schema", async (name) => {
  const file = join(TESTDATA, "good", name);
  const env = { HOST: "db.internal", TOKEN: "s3cret" };
  const options = await loadOptions({ config: [file] }, env);
  expect("listener" in options ? [] : options).toEqual([]);
  await accepts(file);
  expect(validate.errors).toBeNull();
});

/** Files with problems that no schema can find: in the bytes, between values, or on this host. */
const UNSEEN = [
  "bad-env-secret",
  "bad-file-secret",
  "default-rise-without-interval",
  "endpoint-strangers",
  "endpoint-twice",
  "file-conflicts",
  "http-conflicts",
  "invalid-utf8",
  "no-checks",
  "only-options",
  "own-listener",
  "own-socket",
  "process-conflicts",
  "rise-without-interval",
  "stale-too-soon",
  "utf16",
  "zero-byte",
];

test.each(await filesOf("bad"))("the schema refuses %s too, unless no schema can find the problem", async (name) => {
  expect(await accepts(join(TESTDATA, "bad", name))).toBe(UNSEEN.includes(name.replace(".yaml", "")));
});

test("the schema has every option, every kind and every key, each with a description", async () => {
  const { topLevel, kinds, common } = await createFileSchema();
  const { properties } = schema as { properties: Record<string, Described> };
  expect(Object.keys(properties)).toEqual(Object.keys(topLevel.shape));
  for (const name of OPTION_NAMES) expect(Object.hasOwn(properties, name)).toBe(!optionDef(name).commandLineOnly);
  const undescribed = Object.entries(properties).filter(([, { description }]) => !description);
  expect(undescribed).toEqual([]);

  const branches = properties["checks"]?.items?.anyOf ?? [];
  expect(branches.map(({ title }) => title)).toEqual(kinds.map(({ kind }) => kind.name));
  for (const { title = "", description, properties: keys = {}, required } of branches) {
    expect(description).toMatch(/^Passes when .+\.$/);
    expect(required).toContain(title);
    expect(Object.keys(keys)[0]).toBe(title);
    expect(Object.keys(keys)).toEqual(expect.arrayContaining(Object.keys(common.shape)));
    expect(Object.entries(keys).filter(([, { description }]) => !description)).toEqual([]);
  }
});

interface Described {
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
  readonly items?: { readonly anyOf?: readonly Described[] };
}

test("no kind redefines a common key, and only its own key and what it always needs are required", async () => {
  const { kinds, common } = await createFileSchema();
  for (const { kind } of kinds) {
    const own = Object.keys(kind.keys);
    expect(own[0]).toBe(kind.name);
    expect(own.filter((key) => Object.hasOwn(common.shape, key))).toEqual([]);
    expect(own.filter((key) => !/^[a-z]+(-[a-z]+)*$/.test(key))).toEqual([]);
  }
});
