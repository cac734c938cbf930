// A TCP relay in front of a real server, so that the server can seem to stop and come back.

import { freePort, loopbackAddress } from "./loopback.ts";

export interface Relay extends Disposable {
  readonly host: string;
  readonly port: number;
  /** host:port */
  readonly address: string;
  /** How many connections it has accepted. */
  accepted(): number;
  /** From now on connections are refused; those that are open are cut. */
  close(): void;
  /** On the same address again. */
  open(): void;
}

type Leg = Bun.Socket<{ other?: Leg; waiting: Uint8Array[] }>;

/** Passes connections on to `target` on 127.0.0.1; open from the start. */
export function relayTo(target: number): Relay {
  const host = loopbackAddress();
  const port = freePort(host);
  let listener: Bun.TCPSocketListener<{ other?: Leg; waiting: Uint8Array[] }> | undefined;
  let accepted = 0;

  const pass = {
    data(leg: Leg, bytes: Uint8Array) {
      if (leg.data.other) leg.data.other.write(bytes);
      else leg.data.waiting.push(new Uint8Array(bytes));
    },
    close(leg: Leg) {
      leg.data.other?.end();
    },
    error() {},
  };
  const open = () => {
    listener ??= Bun.listen({
      hostname: host,
      port,
      socket: {
        ...pass,
        open(near: Leg) {
          accepted++;
          near.data = { waiting: [] };
          void Bun.connect({
            hostname: "127.0.0.1",
            port: target,
            data: { other: near, waiting: [] },
            socket: pass,
          }).then(
            (far: Leg) => {
              near.data.other = far;
              for (const bytes of near.data.waiting.splice(0)) far.write(bytes);
              if (near.readyState <= 0) far.end();
            },
            () => near.end(),
          );
        },
      },
    });
  };
  const close = () => {
    listener?.stop(true);
    listener = undefined;
  };
  open();
  return { host, port, address: `${host}:${port}`, accepted: () => accepted, close, open, [Symbol.dispose]: close };
}
