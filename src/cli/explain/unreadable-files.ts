// Finds the files that a check needs and cannot read: this user may not read them, or they are missing.

import type { CheckConfig } from "../../checks/build.ts";
import { askFileSystem } from "../../fs/filesystem.ts";
import { explainUnusable, isMissing } from "../../fs/missing.ts";

export async function findUnreadableFiles({ kind, settings, timeoutMs }: CheckConfig): Promise<readonly string[]> {
  const files = kind.files?.(settings) ?? [];
  const found = await Promise.all(
    files.map(async ({ path, isRead, mayBeMissing }): Promise<readonly string[]> => {
      // AbortSignal.timeout alone keeps no event loop alive: the runtime would spin until it fires.
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), timeoutMs);
      const answer = isRead
        ? await askFileSystem({ ask: "read", path, limitBytes: 1 }, limit.signal)
        : await askFileSystem({ ask: "stat", path }, limit.signal);
      const failure =
        answer.ok || answer.code === undefined ? answer : await explainUnusable(path, answer.code, limit.signal);
      clearTimeout(timer);
      if (failure.ok || (mayBeMissing && !answer.ok && isMissing(answer.code ?? ""))) return [];
      return [failure.message];
    }),
  );
  return found.flat();
}
