// Why a file of ours cannot be read or written, in words.

import { codeOf } from "../system/errors.ts";

/** What is wrong with the file itself. */
export class FileProblem extends Error {}

const CAUSES: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left",
  EDQUOT: "the quota is used up",
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder is not one",
  EISDIR: "it is a folder",
  ELOOP: "it is a symbolic link",
  ENXIO: "it is not a regular file",
};

/** In words, for one line of the log. */
export function describeFileError(error: unknown): string {
  if (error instanceof FileProblem) return error.message;
  const code = codeOf(error);
  return CAUSES[code] ?? code;
}
