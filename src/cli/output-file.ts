// A file that has its whole new text or is left as it was.

import { randomUUID } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { causeOf, codeOf } from "../system/errors.ts";

const MODE = 0o644;

/**
 * Writes `text` and a newline beside the file and renames it; a symbolic link stays, and so does the mode
 * of a file that is there. Resolves with why it could not, a line, or undefined.
 */
export async function writeOutputFile(path: string, text: string): Promise<string | undefined> {
  let beside: string | undefined;
  try {
    const { file, mode } = lookAt(path);
    beside = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
    const handle = await open(beside, "wx", mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
    return undefined;
  } catch (error) {
    if (beside !== undefined) await rm(beside, { force: true }).catch(() => undefined);
    const code = codeOf(error);
    return `health-checker: cannot write ${path}: ${code === "ENOENT" ? "its folder does not exist" : causeOf(code)}`;
  }
}

function lookAt(path: string): { readonly file: string; readonly mode: number } {
  try {
    const file = realpathSync(path);
    const stats = statSync(file);
    if (!stats.isFile())
      throw Object.assign(new Error("not a regular file"), {
        code: stats.isDirectory() ? "it is a folder" : "it is not a regular file",
      });
    return { file, mode: stats.mode & 0o777 };
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return { file: path, mode: MODE };
  }
}
