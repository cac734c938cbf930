// certificate: passes when the target's certificate is valid (chain, name, dates), and all certificates of its chain are valid
// for at least `min-days` more.

import { tcpAddress, wholeNumber } from "../fields/field.ts";
import { optional, required } from "../fields/keys.ts";
import { filesOfTls, identityConflict, identityKeys, serverKeys } from "../fields/tls.ts";
import { formatAddress } from "../net/address.ts";
import type { TlsSettings } from "../net/tls-settings.ts";
import { failed, isFailure, type Outcome } from "../outcome.ts";
import { ADDRESS_ALIASES, defineKind } from "./kind.ts";

const DAY_MS = 86_400_000;

export const certificate = defineKind({
  name: "certificate",
  value: "HOST:PORT",
  rule: "the target's certificate is valid: its chain, its name and its dates",
  example: "certificate: www.example.org:443",
  aliases: [...ADDRESS_ALIASES, "cert"],
  keys: {
    certificate: required(tcpAddress, "the address of the TLS server; a port alone means 127.0.0.1"),
    "server-name": serverKeys["server-name"],
    ca: serverKeys.ca,
    ...identityKeys,
    "min-days": optional(
      wholeNumber(0, 36_500),
      "the number of days that the certificate and its chain must still be valid",
    ),
  },
  target: ({ certificate, "server-name": name }) =>
    name === undefined ? formatAddress(certificate) : `${formatAddress(certificate)} as ${name}`,
  peer: ({ certificate }) => certificate,
  files: (settings) => filesOfTls(settings),
  conflict: (settings) => identityConflict(settings),
  warningsIfCritical: ({ "min-days": minDays }) =>
    minDays
      ? ["min-days makes every host with this certificate unhealthy at the same time; set severity: warning"]
      : [],
  async probe({ certificate: target, "server-name": name, ca, cert, key, "min-days": minDays = 0 }, { timeoutMs }) {
    const [{ openStream }, { describeProblems }] = await Promise.all([
      import("../net/stream.ts"),
      import("../net/certificate.ts"),
    ]);
    // The handshake does not verify the certificate; this check does, so that any failure shows the dates.
    const tls: TlsSettings = { verify: false, ca, "server-name": name, cert, key };
    const peer = formatAddress(target);
    return async ({ signal }): Promise<Outcome> => {
      const stream = await openStream(target, { maxWaitMs: timeoutMs / 2, tls }, signal);
      if (isFailure(stream)) return stream;
      const { judgement, warning } = stream;
      stream.close();
      const problems = judgement ? [...judgement.problems, ...judgement.weaknesses()] : [];
      const [problem] = problems;
      const expiry = judgement?.expiry();
      const expiresAt = expiry && { expiresAt: expiry.at };
      if (judgement && problem) {
        const message = `the certificate of ${peer} ${describeProblems({ ...judgement, problems })}`;
        return { ...failed(problem.reason, message), ...expiresAt };
      }
      if (!expiry) return failed("tls", `the certificate of ${peer} has no readable expiry date`);
      const warnings = [warning, judgement?.warning()].filter((text) => text !== undefined);
      const below = expiry.authority === undefined ? "" : `depends on ${expiry.authority}, which `;
      const expires = `${below}expires ${expiry.when}`;
      return expiry.at - Date.now() < minDays * DAY_MS
        ? { ...failed("expired", `the certificate of ${peer} ${expires}; min-days is ${minDays}`), ...expiresAt }
        : { ok: true, detail: expires, ...(warnings.length > 0 && { warning: warnings.join("; ") }), ...expiresAt };
    };
  },
});
