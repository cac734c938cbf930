// Finds the certificates in a PEM text. If there are none, it names the format: users confuse DER, PKCS#7 and others with PEM.

const BEGIN = "-----BEGIN CERTIFICATE-----";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Each certificate, still in PEM. */
export const certificatesIn = (text: string): readonly string[] => text.match(CERTIFICATE) ?? [];

/** Why `text`, which was read from `file`, has no certificate or only a part of one; undefined if all are complete. */
export function whyNoCertificates(text: string, file: string): string | undefined {
  const begunCount = text.split(BEGIN).length - 1;
  if (begunCount === 0) return describeOther(text, file);
  return certificatesIn(text).length === begunCount ? undefined : "it ends in the middle of a certificate";
}

/** A message about `unread`, the first of a file's certificates (`all`) that cannot be read. */
export function whyUnreadable(unread: string, all: readonly string[], isAnyRead: boolean): string {
  if (isAnyRead) return `certificate ${all.indexOf(unread) + 1} of ${all.length} in it cannot be read`;
  const isJoined = !/-----BEGIN CERTIFICATE-----[ \t]*\r?\n/.test(unread);
  return `it contains no readable certificate${isJoined ? ": its lines are joined" : ""}`;
}

/** DER that was read as UTF-8: a sequence whose length takes several bytes. */
const DER = /^0\ufffd/;
/** Parts of the object identifiers at the start of PKCS#7 and of PKCS#12. */
const SIGNED_DATA = "\r\x01\x07\x02";
const DATA = "\r\x01\x07\x01";
/** They are among the first characters of a file. */
const HEAD_CHARACTERS = 40;

function describeOther(text: string, file: string): string {
  const convert = (command: string) => `openssl ${command} -in ${file} -out ${file}.pem`;
  if (DER.test(text)) {
    const head = text.slice(0, HEAD_CHARACTERS);
    if (head.includes(SIGNED_DATA)) return `it is PKCS#7: ${convert("pkcs7 -inform der -print_certs")}`;
    if (head.includes(DATA)) return `it is PKCS#12: ${convert("pkcs12 -nokeys")}`;
    return `it is DER, not PEM: ${convert("x509 -inform der")}`;
  }
  const [, label] = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text) ?? [];
  if (label === undefined) return "it contains no PEM certificate";
  if (label === "PKCS7") return `it is PKCS#7: ${convert("pkcs7 -print_certs")}`;
  if (label === "TRUSTED CERTIFICATE" || label === "X509 CERTIFICATE")
    return `it contains ${label}: ${convert("x509")}`;
  return `it contains ${label}, not CERTIFICATE`;
}
