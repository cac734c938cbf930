// Describes what was thrown: by its code from the system or the runtime, or as a whole.

/** A file of ours is not usable, though no call failed. */
export class FileProblem extends Error {}

/** ENOENT and the like; the error as text if it has no code. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

/** The meaning of the code of a failed call on a file; for a rare code the code itself. */
export const causeOf = (code: string): string => CAUSES[code] ?? code;

/** Like `causeOf`, for a file of ours that is written, or opened without following links. */
export function describeFileError(error: unknown): string {
  if (error instanceof FileProblem) return error.message;
  const code = codeOf(error);
  return CAUSES_OF_OURS[code] ?? causeOf(code);
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "too many symbolic links",
  EIO: "input/output error",
  EISDIR: "it is a folder",
  EROFS: "read-only file system",
  ENOSPC: "no space is left",
  EDQUOT: "the quota is used up",
  ENXIO: "it is not a regular file",
  EBUSY: "it is in use, for example as a mount point",
  ENAMETOOLONG: "its name is too long",
};

const CAUSES_OF_OURS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder is a file",
  ELOOP: "it is a symbolic link",
};

/** An error that should not have been thrown, with its stack, for a bug report. */
export const describeFault = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
