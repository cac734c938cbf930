// Runs the compiled binary to its end, as an operator runs a command.

import { binary } from "./binary.ts";
import { plainEnvironment } from "./child.ts";

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
}

/** `uid` is the user that it runs as; by default that of the test. */
export async function run(argv: readonly string[], { uid }: { readonly uid?: number } = {}): Promise<Ran> {
  const become = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, "--clear-groups"];
  // A proxy is what fetch would go to by itself.
  const env = { ...plainEnvironment(), http_proxy: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" };
  const child = Bun.spawn([...become, await binary(), ...argv], { cwd: "/", env, stdout: "pipe", stderr: "pipe" });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, exitCode };
}
