// The one table of kinds: a new kind is a file beside this one and a line here.
// Each is loaded where it is used; a daemon of ports and scripts needs two of them.

import type { CheckKind } from "./kind.ts";

export const KINDS = {
  tcp: async () => (await import("./tcp.ts")).tcp,
  script: async () => (await import("./script.ts")).script,
} as const satisfies Readonly<Record<string, () => Promise<CheckKind<never>>>>;

export type KindName = keyof typeof KINDS;
