// health-checker.yaml(5): the config file, from the schema that validates.

import { code, type DescribedKey, describeFile } from "../../config/describe-keys.ts";
import { listInWords } from "../../text/list.ts";
import { version } from "../../text/version.ts";
import {
  bold,
  definitions,
  inline,
  type Lines,
  page,
  paragraph,
  section,
  subsection,
  tagged,
  verbatim,
} from "./roff.ts";

const FILE = "health-checker.yaml";

/** One check of each kind. */
export const EXAMPLE = `listener: 0.0.0.0:5000
deadline: 4500ms
interval: 10s
drain-delay: 30s

defaults:
  timeout: 2s
  fall: 3

checks:
  - name: app
    http: http://127.0.0.1:8080/healthz
    expect: '/"ready":\\s*true/'
  - name: queue
    tcp: 5672
  - name: memcached
    tcp: unix:/run/memcached.sock
    send: "version\\r\\n"
    expect: /^VERSION /
  - name: database
    postgres: postgres://monitor@127.0.0.1/app
    password: \${file:/run/credentials/health-checker.service/database}
  - name: shop
    mysql: mysql://monitor@127.0.0.1/shop
  - name: cache
    redis: redis://127.0.0.1
  - name: search
    grpc: 127.0.0.1:9000
  - name: syslog
    udp: 127.0.0.1:514
    send: ping
  - name: resolver
    dns: db.internal
    resolver: 127.0.0.53
  - name: certificate
    certificate: 127.0.0.1:443
    server-name: www.example.com
    min-days: 14
    severity: warning
  - name: backlog
    script: /usr/local/bin/check-backlog.sh --max 100
    interval: 1m
  - name: worker
    process: worker
    min: 2
  - name: backup
    file: /var/backups/latest.tar
    max-age: 1d
    severity: endpoint
  - name: disk
    disk: /var
    min-free: 10%
  - name: ssh
    systemd: ssh.service

endpoints:
  /db: [database, cache]
  /backup: [backup]`;

const VALUES = [
  ["duration", "`500ms`, `10s`, `1m30s`, `2h`. A number alone is seconds. At most 24 hours."],
  ["address", "`5432` is a port on 127.0.0.1. Others: `db.internal:5432`, `[::1]:6379`, `unix:/run/app.sock`."],
  [
    "address to listen on",
    "`127.0.0.1:5000`, `unix:/run/health.sock`. `0.0.0.0:5000` and `:5000` are all IPv4 and IPv6 addresses.",
  ],
  ["command", "A text is split into words as by a POSIX shell; no shell runs it. A list has one item for each word."],
  [
    "text or /regular expression/",
    "The answer must contain the text. Between slashes it is a regular expression of ECMAScript, with the flags i, m, s, u and v after the last slash.",
  ],
  [
    `\${file:/PATH}, \${env:NAME}`,
    `The content of a file or of a variable, anywhere in a value. It is read when the config file is read, and redacted in the log and in every message. For a literal \${ write $\${.`,
  ],
] as const;

/** `date` is that of the release, such as "2026-11-28". */
export async function renderConfigFilePage(date: string): Promise<string> {
  const { options, parts, common, defaults, kinds, tls } = await describeFile();
  return page({ name: FILE, section: 5, date, version }, [
    ...section("NAME", [`${inline(FILE)} \\- the config file of health\\-checker`]),
    ...section("DESCRIPTION", describeFormat()),
    ...section("OPTIONS", [
      ...paragraph(
        "Options of the command line, without their dashes. One on the command line overrides the one in the file.",
      ),
      ...keys(options),
    ]),
    ...section("OTHER KEYS", [...keys(parts), ...paragraph(`\`defaults\` takes ${listInWords(defaults.map(code))}.`)]),
    ...section("CHECKS", [
      ...paragraph(
        "Each item of `checks` is a mapping with exactly one key of a kind, such as `tcp`. It can have further keys of that kind, and these:",
      ),
      ...keys(common),
    ]),
    ...section(
      "KINDS OF CHECK",
      kinds.flatMap(({ name, rule, keys: own }) => subsection(name, [...paragraph(rule), ...keys(own)])),
    ),
    ...section("TLS", [...paragraph("`tls` is `true` or `false`, or a mapping with these keys:"), ...keys(tls)]),
    ...section("VALUES", [
      ...definitions(VALUES),
      ...paragraph("A number is accepted as a text. `true` and `false` are not: put them in quotes."),
    ]),
    ...section("EXAMPLE", verbatim(EXAMPLE)),
    ...section("SEE ALSO", [`${bold("health-checker")}(1)`]),
  ]);
}

const describeFormat = (): Lines => [
  ...paragraph(
    "`health-checker --config FILE` reads options and checks from FILE. There is no default path; the packages use /etc/health-checker/config.yaml.",
  ),
  ...paragraph(
    "The file is YAML 1.2, so JSON works too: one document in UTF-8, of at most 1 MiB. It is read at startup and at each reload.",
  ),
  ...paragraph(
    "`health-checker validate FILE` reports every error with line and column, and warns about risky setups. `health-checker schema` prints a JSON Schema for editors.",
  ),
];

const keys = (described: readonly DescribedKey[]): Lines =>
  described.flatMap(({ key, type, default: fallback, meaning }) => {
    const given = [type, ...(fallback === undefined ? [] : [`default \`${fallback}\``])].join(", ");
    return tagged(`${bold(key)} (${inline(given)})`, asSentence(meaning));
  });

/** Some meanings are sentences, others are not. */
const asSentence = (meaning: string): string => {
  const text = meaning.charAt(0).toUpperCase() + meaning.slice(1);
  return text.endsWith(".") ? text : `${text}.`;
};
