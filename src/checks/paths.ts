// What it means when a path cannot be looked at.

import { whyHidden } from "../probing/files/hidden.ts";
import { type Failure, failed } from "./check.ts";

/** Nothing is there by that name. */
export const isMissing = (code: string): boolean => code === "ENOENT" || code === "ENOTDIR";

const CAUSES: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EIO: "the disk fails",
  ELOOP: "symbolic links go round in circles",
  ENOTCONN: "what serves the mount has gone",
  ESTALE: "the file server does not know it any more",
  EAGAIN: "it has nothing to read at once",
};

/** `code` is that of the failed call. What cannot be looked at is not taken to be absent. */
export function cannotLook(path: string, code: string): Failure {
  const hidden = whyHidden(path, code);
  if (isMissing(code)) return failed("missing", `${path} does not exist${hidden}`);
  const cause = CAUSES[code];
  return failed("unreachable", `cannot look at ${path}: ${cause === undefined ? code : `${cause} (${code})`}${hidden}`);
}
