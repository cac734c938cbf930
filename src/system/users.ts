// Names of users, for messages.

import { nodeFs } from "./builtins.ts";

/** Reads /etc/passwd: the runtime takes the name from $USER, which may be that of another user. */
export function describeUser(uid: number | undefined): string {
  if (uid === undefined) return "this user";
  try {
    const line = nodeFs()
      .readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((user) => user.split(":")[2] === String(uid));
    if (line !== undefined) return `${line.split(":")[0]} (uid ${uid})`;
  } catch {
    // The number is enough.
  }
  return `uid ${uid}`;
}
