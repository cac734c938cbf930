// Sends a request to a daemon over its control socket. Whatever listens there, this ends in time, with an answer of
// bounded size or with a line that says why there is none.

import { lstatSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { distrust } from "../../listeners/control/peer.ts";
import { codeOf } from "../../system/errors.ts";
import { describeUser } from "../../system/users.ts";
import { onOneLine } from "../../text/printable.ts";

export interface ControlRequest {
  readonly method: "GET" | "POST";
  readonly route: string;
  readonly body?: object;
  /** What it asks for is a text; an error is JSON. */
  readonly isText?: boolean;
}

export interface ControlAnswer {
  readonly status: number;
  /** A text, or JSON. */
  readonly answer: unknown;
}

/** Why there is no answer: one line for the user. */
export interface ControlError {
  readonly error: string;
}

const ROOT = 0;

const UNEXPECTED = "unexpected answer; the process behind this socket is not a health-checker daemon";

const NOT_ON_WINDOWS = "control sockets are not supported on Windows";

/** Far more than the status of a thousand checks with all their output. */
export const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024;

/** Never rejects. The daemon may be silent for `limitMs`; `platform` is as in process.platform. */
export async function askControl(
  path: string,
  { method, route, body, isText = false }: ControlRequest,
  limitMs: number,
  platform: string = process.platform,
): Promise<ControlAnswer | ControlError> {
  if (platform === "win32") return { error: NOT_ON_WINDOWS };
  const distrusted = distrust(path);
  if (distrusted !== undefined) return { error: distrusted };
  // AbortSignal.timeout alone keeps no event loop alive: the runtime would spin until it fires.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  const init = {
    method,
    unix: path,
    // Ignores http_proxy in the environment.
    proxy: false,
    redirect: "manual",
    keepalive: false,
    signal: limit.signal,
    ...(body && { body: JSON.stringify(body) }),
  };
  try {
    const response = await fetch(`http://localhost${route}`, init as RequestInit);
    const text = await readText(response, () => timer.refresh());
    if (text === undefined) return { error: `${onOneLine(path)}: ${UNEXPECTED} (it is too long)` };
    const { status } = response;
    return { status, answer: isText && status === 200 ? text : (JSON.parse(text) as unknown) };
  } catch (error) {
    if (limit.signal.aborted) {
      const waited = `${onOneLine(path)}: the daemon does not answer within ${limitMs / 1000} s`;
      // A daemon that is only paused carries the request out when it resumes.
      return {
        error:
          method === "GET" ? waited : `${waited}; it may still carry out the command, check with health-checker status`,
      };
    }
    return { error: describeError(path, error) };
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

/** Undefined for an answer that is too long. */
async function readText(response: Response, onData: () => void): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    onData();
    sizeBytes += chunk.byteLength;
    if (sizeBytes > LONGEST_ANSWER_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function describeError(path: string, error: unknown): string {
  const shown = onOneLine(path);
  if (error instanceof SyntaxError) return `${shown}: ${UNEXPECTED}`;
  const code = codeOf(error);
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return noDaemon(shown);
    case "ECONNREFUSED": {
      const there = statOf(path);
      return there && !there.isSocket() ? `${shown} is not a socket` : noDaemon(shown);
    }
    case "EAGAIN":
      return `${shown}: the daemon does not accept connections: too many clients are waiting`;
    case "EACCES":
    case "EPERM": {
      const stats = statOf(path) ?? statOf(dirname(path));
      const users = stats?.uid === ROOT ? "root" : `root and ${stats ? describeUser(stats.uid) : "its owner"}`;
      return `${shown}: permission denied; only ${users} may use it`;
    }
    default:
      return `${shown}: ${UNEXPECTED} (${onOneLine(code)})`;
  }
}

const noDaemon = (shown: string): string =>
  `no daemon listens on ${shown}: it is not running, or has no --control-socket or another one`;

/** Undefined if there is no file, or this user may not see it. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
