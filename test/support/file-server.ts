// The files of a folder over HTTP, at any path.

import { readdirSync } from "node:fs";
import { basename, join } from "node:path";

export interface FileServer extends Disposable {
  readonly url: string;
  /** The paths that were asked for, in order. */
  readonly requests: readonly string[];
}

export function serveFolder(folder: string): FileServer {
  const requests: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      requests.push(pathname);
      const name = basename(pathname);
      if (!readdirSync(folder).includes(name)) return new Response("", { status: 404 });
      return new Response(Bun.file(join(folder, name)));
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    [Symbol.dispose]: () => void server.stop(true),
  };
}
