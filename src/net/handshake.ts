// TLS over a connected socket: the handshake, and the verification of the peer's certificate.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Failure, failed, isFailure } from "../outcome.ts";
import { unlessAborted } from "../system/event-loop.ts";
import { type Address, formatAddress, isIPv4, isIPv6 } from "./address.ts";
import { describeProblems, type Judgement, judge } from "./certificate.ts";
import { closePolitely } from "./closing-connections.ts";
import { explainTls } from "./tls-failure.ts";
import type { TlsSettings } from "./tls-settings.ts";
import { loadTrust, type Trust } from "./trust.ts";

export interface Secured {
  readonly socket: TLSSocket;
  readonly judgement: Judgement;
  readonly hasClientCertificate: boolean;
  /** Resolves at a sign that the server has accepted the client, such as a session. */
  readonly accepted: Promise<void>;
}

export interface TlsOptions {
  readonly settings: TlsSettings;
  /** From `startTrust`. */
  readonly trust: Promise<Trust | Failure>;
  /** Protocols to offer by ALPN. */
  readonly alpn: readonly string[] | undefined;
}

/** Starts to read the certificate files. Call it before the connection is open, to save time. */
export const startTrust = (settings: TlsSettings): Promise<Trust | Failure> =>
  loadTrust(settings.ca, identityOf(settings));

const identityOf = ({ cert, key }: TlsSettings) =>
  cert !== undefined && key !== undefined ? { cert, key } : undefined;

/** The name or IP address that the peer's certificate must have. */
function nameToVerify(target: Address, settings: TlsSettings): string {
  const host = settings["server-name"] ?? (target.family === "tcp" ? target.host : "localhost");
  // Neither a zone (fe80::1%eth0) nor the dot that ends a full name is part of the name in a certificate.
  return host.replace(/%.*$|\.$/, "");
}

/** Verifies as `settings` say; a caller that judges the certificate itself sets `verify: false`. Never rejects. */
export async function secure(
  socket: Socket,
  target: Address,
  { settings, trust: loading, alpn }: TlsOptions,
  signal: AbortSignal,
): Promise<Secured | Failure> {
  const peer = formatAddress(target);
  const [trust, tls] = await Promise.all([
    // Reading a file may hang.
    unlessAborted(loading, signal, () => failed("timeout", "reading the CA certificates")),
    import("node:tls"),
  ]);
  if (isFailure(trust)) {
    if (signal.aborted) socket.destroy();
    else closePolitely(socket);
    return trust;
  }
  const host = nameToVerify(target, settings);
  const hasClientCertificate = identityOf(settings) !== undefined;
  const { promise: accepted, resolve: accept } = Promise.withResolvers<void>();
  const handshake = { socket, peer, host, trust, alpn, hasClientCertificate, accept };
  const opened = checkBeforeHandshake(socket, peer) ?? (await shakeHands(handshake, tls.connect, signal));
  if (isFailure(opened)) return opened;
  const judgement = judge(opened, host, trust, tls.checkServerIdentity);
  if (opened.getProtocol() !== "TLSv1.3") accept();
  if (!settings.verify || judgement.problems.length === 0)
    return { socket: opened, judgement, hasClientCertificate, accepted };
  closePolitely(opened);
  return failed("tls", `the certificate of ${peer} ${describeProblems(judgement)}`);
}

const closedBy = (peer: string): Failure => failed("closed", `${peer} closed the connection during the TLS handshake`);

/** If bytes, an end or a reset came before the handshake, the runtime would wait for ever. */
function checkBeforeHandshake(socket: Socket, peer: string): Failure | undefined {
  if (socket.readableLength > 0) {
    closePolitely(socket);
    return failed("tls", `${peer} sends data before the handshake, so it does not speak TLS`);
  }
  if (!socket.destroyed && !socket.readableEnded) return undefined;
  socket.destroy();
  return closedBy(peer);
}

interface Handshake {
  readonly socket: Socket;
  readonly peer: string;
  readonly host: string;
  readonly trust: Trust;
  readonly alpn: readonly string[] | undefined;
  readonly hasClientCertificate: boolean;
  readonly accept: () => void;
}

function shakeHands(
  { socket, peer, host, trust, alpn, hasClientCertificate, accept }: Handshake,
  connectTls: typeof import("node:tls").connect,
  signal: AbortSignal,
): Promise<TLSSocket | Failure> {
  const timeout = failed("timeout", `${peer}: waiting for the TLS handshake`);
  return new Promise((resolve) => {
    if (signal.aborted) {
      socket.destroy();
      return resolve(timeout);
    }
    const secured = connectTls({
      socket,
      // RFC 6066 does not allow an address as a server name.
      ...(isIPv4(host) || isIPv6(host) ? {} : { servername: host }),
      secureContext: trust.context,
      ...(alpn && { ALPNProtocols: [...alpn] }),
      rejectUnauthorized: false,
      // The name is judged with the chain, after the handshake.
      checkServerIdentity: () => undefined,
    });
    const finish = (result: TLSSocket | Failure) => {
      signal.removeEventListener("abort", abort);
      secured.removeListener("secureConnect", onSecure);
      secured.removeListener("error", onError);
      secured.removeListener("close", onClose);
      secured.on("error", () => {});
      if (isFailure(result)) {
        secured.destroy();
        socket.destroy();
      }
      resolve(result);
    };
    const abort = () => finish(timeout);
    const onSecure = () => finish(secured);
    const onClose = () => finish(closedBy(peer));
    const onError = (error: Error) => {
      const hasPeerCertificate = secured.getPeerX509Certificate() !== undefined;
      finish(explainTls(error, peer, { hasPeerCertificate, hasClientCertificate, alpn }) ?? closedBy(peer));
    };
    secured.on("secureConnect", onSecure);
    // Before secureConnect, since with TLS 1.2 the session may arrive with the end of the handshake.
    secured.on("session", accept);
    secured.on("error", onError);
    secured.on("close", onClose);
    signal.addEventListener("abort", abort);
  });
}
