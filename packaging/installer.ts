// The install script of a release, which knows where releases live.

import { join } from "node:path";
import { stamp } from "./repository.ts";

export const INSTALLER = join(import.meta.dir, "install.sh");

const UNSET = /^REPOSITORY=$/m;

export async function installScript(repository: string): Promise<string> {
  const source = await Bun.file(INSTALLER).text();
  if (!UNSET.test(source)) throw new Error(`${INSTALLER}: expected a line "REPOSITORY="`);
  return stamp(source, repository).replace(UNSET, `REPOSITORY=${repository}`);
}
