// What an archive or a package of a release holds beside the program. Where a file goes on a host is the package's own
// business: here it has the name that it has in an archive.

import { join } from "node:path";
import { stamp, stampPage } from "./repository.ts";
import { PACKAGED_CONFIG, renderPackagedUnit } from "./unit.ts";

export interface Part {
  /** Its name in an archive, such as `health-checker.service`. */
  readonly name: string;
  readonly text: string;
}

export interface Release {
  /** The page of the repository: `repository()`, which a release build must have. */
  readonly repository: string;
  /** Where the program is on a host, which the unit runs. Default: `/usr/local/bin/health-checker`. */
  readonly program?: string;
}

const ROOT = join(import.meta.dir, "..");

const read = (path: string): Promise<string> => Bun.file(join(ROOT, path)).text();

/** Every file but the program itself, sorted by name. Man pages and completions are still to come. */
export async function contents({ repository, program }: Release): Promise<readonly Part[]> {
  const parts: readonly Part[] = [
    { name: "LICENSE", text: await read("LICENSE") },
    { name: "README.md", text: stampPage(await read("README.md"), repository) },
    { name: "CHANGELOG.md", text: stampPage(await read("CHANGELOG.md"), repository) },
    { name: "config.yaml", text: await Bun.file(PACKAGED_CONFIG).text() },
    { name: "health-checker.service", text: documented(await renderPackagedUnit(undefined, program), repository) },
    { name: "health-checker.sysusers.conf", text: await read("packaging/health-checker.sysusers.conf") },
  ];
  return parts
    .map(({ name, text }) => ({ name, text: stamp(text, repository) }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** The unit names the man page, which comes with it. */
function documented(unit: string, repository: string): string {
  return unit.replace(/^Description=.*$/m, (line) => `${line}\nDocumentation=man:health-checker(1) ${repository}`);
}
