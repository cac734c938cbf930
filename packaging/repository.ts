// Where releases live: `repository` of package.json, and nowhere else. What is generated for a release (the README of
// the archives, the install script, the unit, the man pages) gets it from here; the texts of this folder and of docs
// have PLACEHOLDER instead.

import manifest from "../package.json";

/** What stands in the README, the docs and the install script where the repository is to be. */
export const PLACEHOLDER = "https://github.com/OWNER/health-checker";

/** The variable that replaces the key of package.json, for tests and private builds. */
export const REPOSITORY_VARIABLE = "HEALTH_CHECKER_REPOSITORY";

interface Manifest {
  readonly version: string;
  readonly repository?: string | { readonly url: string };
}

/** The page of the repository, such as `https://github.com/me/health-checker`. Undefined where none is written down. */
export function repository(
  { repository: written }: Manifest = manifest,
  variables: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const url = variables[REPOSITORY_VARIABLE] || (typeof written === "string" ? written : written?.url);
  return url?.replace(/^git\+/, "").replace(/(\.git)?\/*$/, "");
}

/** `text` with the repository in place of each placeholder. */
export const stamp = (text: string, repository: string): string => text.replaceAll(PLACEHOLDER, repository);

/** A page of this project as it is read elsewhere: stamped, its links to other files of the project lead to the repository. */
export const stampPage = (text: string, repository: string): string =>
  stamp(text, repository).replace(
    /\]\((?![a-z]+:|#)([^)\s]+)\)/g,
    (_, path) => `](${repository}/blob/v${manifest.version}/${path})`,
  );

/** Throws without one: nobody could follow the links of such a release, or install from it. */
export function repositoryOfRelease(): string {
  const found = repository();
  if (found === undefined) {
    throw new Error(
      `a release needs to know where releases live: set "repository" in package.json, or ${REPOSITORY_VARIABLE}`,
    );
  }
  // It becomes a part of shell scripts and man pages.
  if (!/^https:\/\/[\w.:-]+(\/[\w.-]+)+$/.test(found)) {
    throw new Error(
      `repository: expected a URL such as "https://github.com/me/health-checker", got ${JSON.stringify(found)}`,
    );
  }
  return found;
}
