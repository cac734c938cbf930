// The recipes for nginx behind a unix socket and for the end of a certificate, on a real nginx.

import { expect } from "bun:test";
import { join } from "node:path";
import { makeAuthority } from "../../support/certificates.ts";
import { startChild } from "../../support/child.ts";
import { needs } from "../../support/needs.ts";
import { nginxConfig, startNginx } from "../../support/nginx.ts";
import { recipe } from "../../support/recipes.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const test = await needs("nginx", "openssl");

test("nginx behind a unix socket passes, and fails once it is gone", async () => {
  await using folder = await tempFolder();
  const socket = join(folder.path, "nginx.sock");
  const server = `access_log off; server { listen unix:${socket}; location = /healthz { return 200 ok; } }`;
  const config = await folder.write("nginx.conf", nginxConfig(folder.path, server));
  await using nginx = startChild(["nginx", "-c", config, "-p", folder.path], { cwd: folder.path });
  await using onSocket = await recipe("nginx behind a unix socket", { "/run/nginx.sock": socket });

  await until(async () => (await onSocket.states())["nginx"] === "up", 20_000, "nginx to answer");
  nginx.kill("SIGTERM");
  await nginx.exited;
  expect((await onSocket.states())["nginx"]).toBeOneOf(["refused", "unreachable"]);
}, 60_000);

test("a certificate that ends soon is a warning, and one that has ended is down", async () => {
  await using folder = await tempFolder();
  const authority = await makeAuthority(folder.path);
  const names = ["www.example.com"];
  await using nginx = await startNginx(await authority.issue({ names, days: 30 }));
  await using expiry = await recipe("Certificate expiry", {
    "certificate: 443": `certificate: ${nginx.address}`,
    // The system does not trust the test's authority.
    "server-name: www.example.com": `server-name: www.example.com\n  ca: ${authority.caFile}`,
  });

  expect(await expiry.states()).toEqual({ certificate: "up", "certificate-renewal": "up" });
  await nginx.use(await authority.issue({ names, days: 10 }));
  expect(await expiry.states()).toEqual({ certificate: "up", "certificate-renewal": "expired" });
  await nginx.use(await authority.issue({ names, notAfter: new Date(Date.now() - 60_000) }));
  expect(await expiry.states()).toEqual({ certificate: "expired", "certificate-renewal": "expired" });
}, 60_000);
