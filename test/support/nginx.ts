// A real nginx of a test's own that serves one page by TLS.

import { rename, rm } from "node:fs/promises";
import type { Certificate } from "./certificates.ts";
import { startChild } from "./child.ts";
import { freePort, loopbackAddress } from "./loopback.ts";
import { childrenOf, isAlive } from "./processes.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Nginx extends AsyncDisposable {
  /** host:port */
  readonly address: string;
  /** From now on `/healthz` is answered with 404, or with 200 again. */
  hidePage(): Promise<void>;
  showPage(): Promise<void>;
  /** New connections get this certificate. */
  use(certificate: Certificate): Promise<void>;
}

/** A whole config file with `http` in its block of that name; all that nginx writes is below `folder`. */
export function nginxConfig(folder: string, http: string): string {
  const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  ${kept.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  ${http}
}
`;
}

/** `/healthz` says {"ready": true}. */
export async function startNginx(certificate: Certificate): Promise<Nginx> {
  const folder = await tempFolder();
  const host = loopbackAddress();
  const address = `${host}:${freePort(host)}`;
  const page = await folder.write("pages/healthz", '{"ready": true}');
  const write = ({ certFile, keyFile }: Certificate) =>
    folder.write(
      "nginx.conf",
      nginxConfig(
        folder.path,
        `access_log off;
  server {
    listen ${address} ssl;
    ssl_certificate ${certFile};
    ssl_certificate_key ${keyFile};
    root ${folder.path}/pages;
  }`,
      ),
    );
  const config = await write(certificate);
  const nginx = startChild(["nginx", "-c", config, "-p", folder.path], { cwd: folder.path });
  const end = async () => {
    await nginx[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  const serial = async (): Promise<string> => {
    const { serialNumber } = await peerCertificate(address);
    return serialNumber;
  };
  try {
    await until(async () => nginx.hasExited() || (await serial()), 20_000, "nginx to answer");
    if (nginx.hasExited()) throw new Error(`nginx exited with ${await nginx.exited}`);
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...nginx.err].join("\n"));
  }
  return {
    address,
    hidePage: () => rename(page, `${page}.hidden`),
    showPage: () => rename(`${page}.hidden`, page),
    async use(other) {
      const before = await serial();
      const workers = childrenOf(nginx.pid);
      await rm(config);
      await write(other);
      nginx.kill("SIGHUP");
      // The old worker goes on accepting until it has heard that it is to end.
      await until(() => !workers.some(isAlive), 20_000, "nginx's worker to be replaced");
      await until(async () => (await serial()) !== before, 20_000, "nginx to use the other certificate");
    },
    [Symbol.asyncDispose]: end,
  };
}

async function peerCertificate(address: string): Promise<{ readonly serialNumber: string }> {
  const { connect } = await import("node:tls");
  const [host = "", port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.end();
    });
    socket.on("error", reject);
  });
}
