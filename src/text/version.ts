// The version, from package.json; the build copies it into the binary, with what it was built from.

import { version } from "../../package.json";

export { version };

/** What a binary was built from. */
export interface Build {
  /** Ends with "-dirty" where files differed from it. Absent where the sources came without git. */
  readonly commit?: string;
  /** RFC 3339. Absent as the commit is, unless SOURCE_DATE_EPOCH was set. */
  readonly date?: string;
}

/** Defined by the build; the program that runs from its sources has none. */
declare const BUILD: Build | undefined;

/** Undefined for the program that runs from its sources. */
export const ownBuild = (): Build | undefined => (typeof BUILD === "undefined" ? undefined : BUILD);

/** The first line is as upstream prints it. */
export const versionText = (build = ownBuild()): string =>
  [
    `health-checker version v${version}`,
    ...(build?.commit ? [`commit ${build.commit}`] : []),
    ...(build?.date ? [`date ${build.date}`] : []),
    ...(build ? [`bun ${Bun.version}`] : []),
  ].join("\n");
