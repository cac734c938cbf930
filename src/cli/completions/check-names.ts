// The names of the daemon's checks, for a shell that waits for them. No check runs for it.

import { askControl } from "../control/client.ts";

/** The user waits at the prompt. */
const MAX_WAIT_MS = 1000;

/** Empty if no daemon answers in time. A name with a line end or another control character is left out. */
export async function checkNames(socket: string): Promise<readonly string[]> {
  // No check has an empty name: the answer is the names of all.
  const got = await askControl(socket, { method: "GET", route: "/checks/" }, MAX_WAIT_MS);
  if ("error" in got || got.status !== 404) return [];
  const { names } = Object(got.answer) as { readonly names?: unknown };
  if (!Array.isArray(names)) return [];
  return names.filter((name) => typeof name === "string" && !/\p{Cc}/u.test(name));
}
