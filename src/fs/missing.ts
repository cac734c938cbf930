// The failure of a check whose path cannot be used.

import { type Failure, failed } from "../outcome.ts";
import { whyHidden } from "./hidden.ts";

/** Whether the code means that there is no such file. */
export const isMissing = (code: string): boolean => code === "ENOENT" || code === "ENOTDIR";

/** If the path itself does not show a cause. */
const CAUSES: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EAGAIN: "it has no data to read now",
};

/** `code` is that of the failed call. A path that cannot be used does not count as missing. Never rejects. */
export async function explainUnusable(path: string, code: string, signal: AbortSignal): Promise<Failure> {
  if (isMissing(code)) return explainMissing(path, code, signal);
  const hidden = whyHidden(path, code);
  const cause = (hidden === "" ? await findCause(path, code, signal) : undefined) ?? CAUSES[code];
  return failed("unreachable", `cannot access ${path}: ${cause === undefined ? code : `${cause} (${code})`}${hidden}`);
}

/** `what` names the path in the message: "the pid file /run/x.pid". */
export async function explainMissing(path: string, code: string, signal: AbortSignal, what = path): Promise<Failure> {
  const hidden = whyHidden(path, code);
  const cause = hidden === "" ? await findCause(path, code, signal) : undefined;
  return failed("missing", `${what} does not exist${cause === undefined ? "" : `: ${cause}`}${hidden}`);
}

async function findCause(path: string, code: string, signal: AbortSignal): Promise<string | undefined> {
  const { askFileSystem } = await import("./filesystem.ts");
  const answer = await askFileSystem({ ask: "cause", path, code }, signal);
  return answer.ok ? answer.value.text : undefined;
}
