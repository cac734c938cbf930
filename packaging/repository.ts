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
