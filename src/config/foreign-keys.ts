// Keys that are natural and not ours, such as `port` or `url` in a check, and what to write instead.

import type { KindName } from "../checks/kinds.ts";

/** How the key of a kind is written. */
const EXAMPLES: Readonly<Partial<Record<string, string>>> = {
  tcp: "tcp: 5432, or tcp: db.internal:5432",
  udp: "udp: 127.0.0.1:514",
  dns: "dns: db.internal",
  script: "script: /usr/local/bin/check.sh --all",
  process: "process: /run/nginx.pid",
  file: "file: /run/app.ready",
  disk: "disk: /var",
  systemd: "systemd: nginx.service",
  http: "http: http://127.0.0.1:8080/healthz",
  postgres: "postgres: postgres://user@127.0.0.1:5432/database",
  mysql: "mysql: mysql://user@127.0.0.1:3306/database",
  redis: "redis: redis://127.0.0.1:6379/0",
  certificate: "certificate: www.example.org:443",
  grpc: "grpc: 127.0.0.1:50051",
} satisfies Record<KindName, string>;

const ADDRESSED: readonly KindName[] = ["tcp", "udp", "http", "grpc", "certificate", "postgres", "mysql", "redis"];

/** The kinds whose own key holds it; the first where a check has no kind. */
const HOLDERS: Readonly<Partial<Record<string, readonly KindName[]>>> = {
  ...valueOfEach(["port", "ports", "host", "hostname", "address", "ip"], ADDRESSED),
  ...valueOfEach(["url", "uri"], ["http", "postgres", "mysql", "redis"]),
  ...valueOfEach(["command", "cmd", "exec", "run", "args", "arguments"], ["script"]),
  ...valueOfEach(["unit", "service"], ["systemd"]),
  ...valueOfEach(["path"], ["file", "http", "disk"]),
  ...valueOfEach(["pid", "pidfile", "pid-file"], ["process"]),
  ...valueOfEach(["mount", "filesystem"], ["disk"]),
  ...valueOfEach(["cert"], ["certificate"]),
};

const KEYS_OF_KIND = ["type", "kind", "check", "protocol"];

function valueOfEach<T>(keys: readonly string[], value: T): Readonly<Record<string, T>> {
  return Object.fromEntries(keys.map((key) => [key, value]));
}

/** What to write in a check that has no kind, for what it has at `key`. */
export function insteadOf(key: string, value: unknown): string | undefined {
  if (KEYS_OF_KIND.includes(key)) {
    const kind = typeof value === "string" && Object.hasOwn(EXAMPLES, value) ? value : "tcp";
    return `the kind is a key itself: ${EXAMPLES[kind]}`;
  }
  const [holder] = holdersOf(key);
  return holder && `write ${EXAMPLES[holder]}`;
}

/** What to write in a check of this kind. */
export const besides = (key: string, kind: string): string | undefined =>
  holdersOf(key).some((holder) => holder === kind) ? `it is part of ${EXAMPLES[kind]}` : undefined;

const holdersOf = (key: string): readonly KindName[] => (Object.hasOwn(HOLDERS, key) ? (HOLDERS[key] ?? []) : []);
