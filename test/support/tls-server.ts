// A server of OpenSSL's, for what the runtime's own cannot be: one that demands a
// certificate of its clients, say, or offers what ours does not.

import type { Certificate } from "./certificates.ts";
import { type Child, startChild } from "./child.ts";
import { until } from "./until.ts";

export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  readonly child: Child;
}

/** Answers any HTTP request with a page of its own. `options` are those of `openssl s_server`. */
export async function openTlsServer(
  { certFile, keyFile }: Certificate,
  options: readonly string[] = [],
): Promise<TlsServer> {
  const chain = ["-cert", certFile, "-cert_chain", certFile, "-key", keyFile];
  const child = startChild(["openssl", "s_server", "-accept", "127.0.0.1:0", ...chain, "-www", ...options]);
  const line = await until(() => child.out.find((said) => said.startsWith("ACCEPT")), 20_000, "openssl s_server");
  return { port: Number(line.split(":").at(-1)), child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
