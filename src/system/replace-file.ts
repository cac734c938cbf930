// Replaces a small file: a reader sees the old content or the new one, never a part. Nothing is synced to disk.

import { chmodSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "./errors.ts";

/** `mode` holds whatever the umask is. Throws the error of the system call, and then leaves the old file. */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  removeFile(temporary);
  try {
    // "wx" fails if the file exists, so no other process has it open.
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    if (mode !== 0o600) chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It does not exist, or cannot be removed.
    }
    throw error;
  }
}

/** A file that does not exist is fine. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
