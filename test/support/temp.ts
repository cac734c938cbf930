// A folder of a test's own, gone with the test.

import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file and returns its absolute path; `mode` such as 0o755 makes a script of it. */
  write(name: string, content: string, mode?: number): Promise<string>;
}

/** An empty folder. */
export async function tempFolder(): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), "health-checker-test-"));
  return {
    path,
    async write(name, content, mode) {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await Bun.write(file, content);
      if (mode !== undefined) await chmod(file, mode);
      return file;
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
