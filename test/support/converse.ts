// One thing said to a server, and all that it says in return.

export type Target = { readonly hostname: string; readonly port: number } | { readonly unix: string };

/**
 * Sends `words` and resolves with what is said until the peer closes, or until
 * `enough` says so of it. Rejects when nobody accepts.
 */
export async function converse(
  target: Target,
  words: string | Uint8Array,
  enough: (said: string) => boolean = () => false,
): Promise<string> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let said = "";
  const socket: Bun.SocketHandler<undefined> = {
    data(_, bytes) {
      said += bytes.toString("latin1");
      if (enough(said)) resolve();
    },
    close: () => resolve(),
    error: () => resolve(),
  };
  const connection = await ("unix" in target
    ? Bun.connect({ unix: target.unix, socket })
    : Bun.connect({ ...target, socket }));
  connection.write(words);
  await over;
  connection.end();
  return said;
}
