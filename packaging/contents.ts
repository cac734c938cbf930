// What an archive or a package of a release holds beside the program. Where a file goes on a host is the package's own
// business: here it has the name that it has in an archive.

import { join } from "node:path";
import { completion, manPage } from "./manuals.ts";
import { notices } from "./notices.ts";
import { stamp, stampPage } from "./repository.ts";
import { PACKAGED_CONFIG, renderPackagedUnit } from "./unit.ts";

export interface Part {
  /** Its name in an archive, such as `health-checker.service`. */
  readonly name: string;
  readonly text: string;
  readonly isProgram?: boolean;
}

export interface Release {
  /** The page of the repository: `repository()`, which a release build must have. */
  readonly repository: string;
  /** Where the program is on a host, which the unit runs. Default: `/usr/local/bin/health-checker`. */
  readonly program?: string;
  /** Of the man pages. Default: none that a release has. */
  readonly date?: Date | undefined;
}

const NO_DATE = new Date("1980-01-01T00:00:00Z");

const day = (date: Date) => date.toISOString().slice(0, 10);

const ROOT = join(import.meta.dir, "..");

const read = (path: string): Promise<string> => Bun.file(join(ROOT, path)).text();

/** Every file but the program itself, sorted by name. */
export async function contents({ repository, program, date = NO_DATE }: Release): Promise<readonly Part[]> {
  const parts: readonly Part[] = [
    { name: "LICENSE", text: await read("LICENSE") },
    { name: "README.md", text: stampPage(await read("README.md"), repository) },
    { name: "CHANGELOG.md", text: stampPage(await read("CHANGELOG.md"), repository) },
    { name: "config.yaml", text: await Bun.file(PACKAGED_CONFIG).text() },
    { name: "health-checker.service", text: documented(await renderPackagedUnit(undefined, program), repository) },
    { name: "health-checker.1", text: await manPage(1, day(date)) },
    { name: "health-checker.yaml.5", text: await manPage(5, day(date)) },
    { name: "health-checker.bash", text: await completion("bash") },
    { name: "_health-checker", text: await completion("zsh") },
    { name: "health-checker.fish", text: await completion("fish") },
    { name: "health-checker.sysusers.conf", text: await read("packaging/health-checker.sysusers.conf") },
    { name: "THIRD-PARTY-NOTICES.txt", text: await notices() },
    { name: "run-health-checker", text: await read("packaging/run-health-checker"), isProgram: true },
  ];
  return parts
    .map((part) => ({ ...part, text: stamp(part.text, repository) }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** The unit names the man page, which comes with it. */
function documented(unit: string, repository: string): string {
  return unit.replace(/^Description=.*$/m, (line) => `${line}\nDocumentation=man:health-checker(1) ${repository}`);
}
