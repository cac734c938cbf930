// What a daemon sees of its connections below its HTTP server, it sees from shortly after its start on.

import { converse } from "./converse.ts";
import { until } from "./until.ts";

/** Resolves once a method that the HTTP server does not know is answered. */
export const answersAll = (daemon: { readonly port: number }): Promise<unknown> =>
  until(
    async () => {
      const said = await converse({ hostname: "127.0.0.1", port: daemon.port }, "HEALTH / HTTP/1.0\r\n\r\n");
      return /^HTTP\/1.1 (200|504) /.test(said);
    },
    30_000,
    "an answer to HEALTH /",
  );
