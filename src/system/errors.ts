// What was thrown, in words: by the name that the system and the runtime have for it, or whole.

/** ENOENT and the like; its words where it has none. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

/** What the code of an error with a file means; the code itself where that is rare. */
export const causeOf = (code: string): string => CAUSES[code] ?? code;

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "too many symbolic links",
  EIO: "input/output error",
  ENOSPC: "no space is left",
  EDQUOT: "no space is left within the quota",
  EROFS: "read-only file system",
  EBUSY: "it is in use, as a file that is mounted by itself is",
  ENAMETOOLONG: "its name is too long",
};

/** With its stack, for who mends it: a fault of ours. */
export const describeFault = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
