// THE table of kinds: a new kind is a file or folder beside this one, and a line here. A kind is loaded when it is used; most
// daemons need few of them.

import type { CheckKind } from "./kind.ts";

export const KINDS = {
  tcp: async () => (await import("./tcp.ts")).tcp,
  udp: async () => (await import("./udp.ts")).udp,
  dns: async () => (await import("./dns/dns.ts")).dns,
  script: async () => (await import("./script.ts")).script,
  process: async () => (await import("./process/process.ts")).process,
  file: async () => (await import("./file.ts")).file,
  disk: async () => (await import("./disk.ts")).disk,
  systemd: async () => (await import("./systemd/systemd.ts")).systemd,
  http: async () => (await import("./http/http.ts")).http,
  postgres: async () => (await import("./database/postgres.ts")).postgres,
  mysql: async () => (await import("./database/mysql.ts")).mysql,
  redis: async () => (await import("./database/redis.ts")).redis,
  certificate: async () => (await import("./certificate.ts")).certificate,
  grpc: async () => (await import("./grpc/grpc.ts")).grpc,
} as const satisfies Readonly<Record<string, () => Promise<CheckKind<never>>>>;

export type KindName = keyof typeof KINDS;
