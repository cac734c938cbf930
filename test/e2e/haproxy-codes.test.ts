// The codes of a real HAProxy that docs/runbook.md explains, each with the line that the daemon logs.

import { expect } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { startPageHaproxy } from "../support/haproxy.ts";
import { listener } from "../support/listeners.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";

const test = await needs("haproxy");

const page = await Bun.file(join(ROOT, "docs/runbook.md")).text();
const [, section = ""] = page.split("\n## HAProxy\n");

/** The row of the table whose first cell has the code, for the HTTP status if one is given. */
const rowOf = (code: string, status: string): string | undefined =>
  section
    .split("\n")
    .find((line) => line.split("|")[1]?.includes(`\`${code}\``) && line.split("|")[1]?.includes(status));

test("HAProxy reports the codes that the runbook explains, and the daemon logs the lines beside them", async () => {
  await using down = await startDaemon(["--script", "false"]);
  await using slow = await startDaemon(["--script", "sleep 30", "--script-timeout", "20"]);
  await using other = await listener((socket) => socket.end("SSH-2.0-other\r\n"));
  const address = loopbackAddress();
  await using proxy = await startPageHaproxy(`backend app
  option httpchk
  timeout check 1s
  default-server inter 200ms fall 1 rise 1 check
  server down 127.0.0.1:${down.port}
  server proxy 127.0.0.1:${down.port} check-send-proxy
  server tls 127.0.0.1:${down.port} check-ssl verify none
  server slow 127.0.0.1:${slow.port}
  server other 127.0.0.1:${other.port}
  server nothing ${address}:${freePort(address)}
`);
  const expected = [
    ["down", "L7STS", "504", down, "host is unhealthy"],
    ["proxy", "L7STS", "400", down, "request refused: PROXY protocol header"],
    ["tls", "L6RSP", "", down, "request refused: TLS handshake"],
    ["slow", "L7TOUT", "", slow, "client disconnected before the response"],
    ["other", "L7RSP", "", undefined, ""],
    ["nothing", "L4CON", "", undefined, ""],
  ] as const;
  for (const [server, check, code, daemon, logged] of expected) {
    await proxy.see("app", server, { status: "DOWN", check, code });
    const row = rowOf(check, code);
    expect(row).toBeDefined();
    if (!daemon) continue;
    await daemon.logged(logged);
    expect(row).toContain(logged.replace("PROXY protocol header", "…").replace("TLS handshake", "TLS handshake …"));
  }
}, 60_000);
