// The failure of a check whose path cannot be used.

import { type Failure, failed } from "../outcome.ts";
import { whyHidden } from "./hidden.ts";

/** There is no file of that name. */
export const isMissing = (code: string): boolean => code === "ENOENT" || code === "ENOTDIR";

/** Where the path itself shows no more. */
const CAUSES: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EAGAIN: "it has nothing to read at once",
};

/** `code` is that of the failed call. A path that cannot be used does not count as missing. Never rejects. */
export async function cannotLook(path: string, code: string, signal: AbortSignal): Promise<Failure> {
  if (isMissing(code)) return doesNotExist(path, code, signal);
  const hidden = whyHidden(path, code);
  const cause = (hidden === "" ? await findCause(path, code, signal) : undefined) ?? CAUSES[code];
  return failed("unreachable", `cannot look at ${path}: ${cause === undefined ? code : `${cause} (${code})`}${hidden}`);
}

/** `what` is the path as the message has it, such as "the pid file /run/x.pid". */
export async function doesNotExist(path: string, code: string, signal: AbortSignal, what = path): Promise<Failure> {
  const hidden = whyHidden(path, code);
  const cause = hidden === "" ? await findCause(path, code, signal) : undefined;
  return failed("missing", `${what} does not exist${cause === undefined ? "" : `: ${cause}`}${hidden}`);
}

async function findCause(path: string, code: string, signal: AbortSignal): Promise<string | undefined> {
  const { askFileSystem } = await import("./filesystem.ts");
  const answer = await askFileSystem({ ask: "cause", path, code }, signal);
  return answer.ok ? answer.value.text : undefined;
}
