// The bill of materials of a release, in CycloneDX: the runtime, and every package whose code is in the program, by what
// the bundler reads. Versions, hashes and who needs whom come from bun.lock.

import { join } from "node:path";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import manifest from "../package.json";
import { ENTRY_POINTS, packagesIn } from "./compile.ts";

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** In hexadecimal, of the package as the registry has it. */
  readonly sha512: string;
  readonly dependencies: readonly string[];
}

interface Lock {
  readonly packages: Readonly<Record<string, readonly [string, string, { readonly dependencies?: object }, string]>>;
}

/** What the runtime says of itself that is no library in it: versions of interfaces, and of programs that it is compatible with. */
const NO_LIBRARIES = ["bun", "modules", "napi", "node", "openssl", "typescript", "unicode", "uv", "v8", "zig"];

const ROOT = join(import.meta.dir, "..");

/** Every package that is in the program, sorted by name. */
export async function packages(): Promise<readonly Package[]> {
  const lock = Bun.JSONC.parse(await Bun.file(join(ROOT, "bun.lock")).text()) as Lock;
  const found = new Map<string, Package>();
  const visit = async (name: string): Promise<void> => {
    if (found.has(name)) return;
    const entry = lock.packages[name];
    if (!entry) throw new Error(`bun.lock: expected an entry for ${name}`);
    const [id, , { dependencies = {} }, integrity] = entry;
    if (Object.keys(lock.packages).some((path) => path.endsWith(`/${name}`) && !path.startsWith("@"))) {
      throw new Error(`bun.lock: expected one version of ${name}`);
    }
    const names = Object.keys(dependencies);
    const { license } = await Bun.file(join(ROOT, "node_modules", name, "package.json")).json();
    const sha512 = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
    found.set(name, { name, version: id.slice(name.length + 1), license, sha512, dependencies: names });
    for (const dependency of names) await visit(dependency);
  };
  for (const name of Object.keys(manifest.dependencies)) await visit(name);
  const inProgram = await packagesIn(ENTRY_POINTS);
  const unknown = [...inProgram].filter((name) => !found.has(name));
  if (unknown.length > 0)
    throw new Error(`expected to find ${unknown.join(", ")} among the dependencies of package.json`);
  return [...found.values()]
    .filter(({ name }) => inProgram.has(name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

export async function sbom({ repository, date }: { repository: string; date: Date | undefined }): Promise<string> {
  const component = (type: Enums.ComponentType, name: string, version: string, purl: string, license: string) =>
    new Models.Component(type, name, {
      version,
      purl,
      bomRef: purl,
      licenses: new Models.LicenseRepository([new Models.SpdxLicense(license)]),
    });
  const { Application, Library, Platform } = Enums.ComponentType;
  const { name, version, license } = manifest;
  const program = component(Application, name, version, `pkg:generic/${name}@${version}`, license);
  program.externalReferences.add(new Models.ExternalReference(repository, Enums.ExternalReferenceType.VCS));
  const runtime = component(Platform, "bun", Bun.version, `pkg:github/oven-sh/bun@bun-v${Bun.version}`, "MIT");
  runtime.externalReferences.add(new Models.ExternalReference("https://bun.sh", Enums.ExternalReferenceType.Website));
  for (const [library, libraryVersion] of Object.entries(process.versions)) {
    if (NO_LIBRARIES.includes(library)) continue;
    runtime.components.add(
      new Models.Component(Library, library, { version: libraryVersion, bomRef: `bun/${library}` }),
    );
  }

  const all = await packages();
  const components = new Map(
    all.map((found) => {
      const purl = `pkg:npm/${found.name.replace("@", "%40")}@${found.version}`;
      const made = component(Library, found.name, found.version, purl, found.license);
      made.hashes.set(Enums.HashAlgorithm["SHA-512"], found.sha512);
      return [found.name, made];
    }),
  );
  const refsOf = (names: readonly string[]) => names.flatMap((dependency) => components.get(dependency)?.bomRef ?? []);
  for (const { name: dependent, dependencies } of all) {
    for (const ref of refsOf(dependencies)) components.get(dependent)?.dependencies.add(ref);
  }
  program.dependencies.add(runtime.bomRef);
  for (const ref of refsOf(Object.keys(manifest.dependencies))) program.dependencies.add(ref);

  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: program, ...(date && { timestamp: date }) }),
    components: new Models.ComponentRepository([runtime, ...components.values()]),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}
