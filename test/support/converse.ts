// One thing said to a server, and all that it says in return.

export type Target = { readonly hostname: string; readonly port: number } | { readonly unix: string };

/**
 * Sends `words` and resolves with what is said until the peer closes, or until
 * `enough` says so of it. Rejects when nobody accepts, and
 * after `limitMs`.
 */
export async function converse(
  target: Target,
  words: string | Uint8Array,
  enough: (said: string) => boolean = () => false,
  limitMs = 10_000,
): Promise<string> {
  const { promise: over, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new Error(`the peer did not finish; it said ${JSON.stringify(said)}`)),
    limitMs,
  );
  let said = "";
  const socket: Bun.SocketHandler<undefined> = {
    data(_, bytes) {
      said += bytes.toString("latin1");
      if (enough(said)) resolve();
    },
    close: () => resolve(),
    error: () => resolve(),
  };
  const connecting = "unix" in target ? Bun.connect({ unix: target.unix, socket }) : Bun.connect({ ...target, socket });
  connecting.then((connection) => connection.write(words), reject);
  try {
    await over;
    return said;
  } finally {
    clearTimeout(timer);
    connecting.then(
      (connection) => connection.end(),
      () => {},
    );
  }
}
