// The bill of materials is a valid one, and says what is in the program.

import { beforeAll, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import Ajv from "ajv";
import manifest from "../../package.json";
import { ENTRY_POINTS } from "../../packaging/compile.ts";
import { sbom } from "../../packaging/sbom.ts";
import { ROOT } from "../support/binary.ts";
import { tempFolder } from "../support/temp.ts";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly components?: readonly Component[];
}

let text: string;
let bill: { readonly metadata: { readonly timestamp?: string }; readonly components: readonly Component[] };

const ofDate = (date: Date | undefined) => sbom({ repository: "https://git.test/me/health-checker", date });

beforeAll(async () => {
  text = await ofDate(new Date("2026-02-03T04:05:06Z"));
  bill = JSON.parse(text);
});

test("it is CycloneDX 1.6, by the schema of the standard", async () => {
  const folder = join(dirname(Bun.resolveSync("@cyclonedx/cyclonedx-library/package.json", ROOT)), "res/schema");
  const schema = (name: string) => Bun.file(join(folder, `${name}.SNAPSHOT.schema.json`)).json();
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ["spdx", "jsf-0.82"]) ajv.addSchema(await schema(name));
  const validate = ajv.compile(await schema("bom-1.6"));
  validate(bill);
  expect(validate.errors).toBe(null);
});

test("the same date gives the same bytes, and no date none of its own", async () => {
  expect(await ofDate(new Date("2026-02-03T04:05:06Z"))).toBe(text);
  expect(JSON.parse(await ofDate(undefined)).metadata.timestamp).toBeUndefined();
});

test("it names the runtime, with the libraries in it", () => {
  const runtime = bill.components.find(({ name }) => name === "bun");
  expect(runtime).toMatchObject({ version: Bun.version, purl: `pkg:github/oven-sh/bun@bun-v${Bun.version}` });
  const names = runtime?.components?.map(({ name }) => name);
  for (const name of ["webkit", "boringssl", "zlib"]) expect(names).toContain(name);
});

test("it names exactly the packages that the bundler reads", async () => {
  await using folder = await tempFolder();
  const { metafile } = await Bun.build({
    entrypoints: ENTRY_POINTS.map((path) => join(ROOT, path)),
    target: "bun",
    metafile: true,
    outdir: folder.path,
  });
  const read = Object.keys(metafile?.inputs ?? {}).flatMap(
    (path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  );
  const named = bill.components.map(({ name }) => name).filter((name) => name !== "bun");
  expect(named).toEqual([...new Set(read)].toSorted());
  expect(named).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
});
