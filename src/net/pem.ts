// The certificates in a text, and what a text without any is: people take DER, PKCS#7 and others for PEM.

const BEGIN = "-----BEGIN CERTIFICATE-----";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Each certificate in PEM, as it stands. */
export const certificatesIn = (text: string): readonly string[] => text.match(CERTIFICATE) ?? [];

/** Why the certificates of `file`, which holds `text`, are none or not all that begin there; undefined where they are. */
export function whyNoCertificates(text: string, file: string): string | undefined {
  const begun = text.split(BEGIN).length - 1;
  if (begun === 0) return describeOther(text, file);
  return certificatesIn(text).length === begun ? undefined : "it ends amid a certificate";
}

/** Why `unread`, one of the `all` certificates of a file, and perhaps others cannot be read. */
export function whyUnreadable(unread: string, all: readonly string[], isAnyRead: boolean): string {
  if (isAnyRead) return `certificate ${all.indexOf(unread) + 1} of ${all.length} in it cannot be read`;
  const isJoined = !/-----BEGIN CERTIFICATE-----[ \t]*\r?\n/.test(unread);
  return `it holds no certificate that can be read${isJoined ? ": its lines are joined" : ""}`;
}

/** DER read as UTF-8: a sequence, whose length takes several bytes. */
const DER = /^0\ufffd/;
/** Amid the names of what PKCS#7 and PKCS#12 hold. */
const SIGNED_DATA = "\r\x01\x07\x02";
const DATA = "\r\x01\x07\x01";
/** How many characters of a file may stand before them. */
const HEAD = 40;

function describeOther(text: string, file: string): string {
  const cure = (command: string) => `openssl ${command} -in ${file} -out ${file}.pem`;
  if (DER.test(text)) {
    const head = text.slice(0, HEAD);
    if (head.includes(SIGNED_DATA)) return `it is PKCS#7: ${cure("pkcs7 -inform der -print_certs")}`;
    if (head.includes(DATA)) return `it is PKCS#12: ${cure("pkcs12 -nokeys")}`;
    return `it is DER, not PEM: ${cure("x509 -inform der")}`;
  }
  const [, label] = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text) ?? [];
  if (label === undefined) return "it holds no certificate in PEM";
  if (label === "PKCS7") return `it is PKCS#7: ${cure("pkcs7 -print_certs")}`;
  if (label === "TRUSTED CERTIFICATE" || label === "X509 CERTIFICATE") return `it holds ${label}: ${cure("x509")}`;
  return `it holds no certificate, but ${label}`;
}
