// Recognizes the binary protocols that an HTTP/1 client meets by mistake, from the first bytes of the answer.

/** The size of an HTTP/2 frame header. */
export const FRAME_HEADER_BYTES = 9;

/** The content types of TLS records that a server may begin with. */
const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;

/** The types of HTTP/2 frames that a server may begin with. */
const SETTINGS = 4;
const GOAWAY = 7;

/** Whether the bytes may begin a TLS record or an HTTP/2 frame and are too few to tell. */
export const mayBecomeOtherProtocol = (bytes: Uint8Array): boolean =>
  bytes[0] === 0
    ? bytes.byteLength < FRAME_HEADER_BYTES
    : bytes.byteLength === 1 && (bytes[0] === TLS_ALERT || bytes[0] === TLS_HANDSHAKE);

/** What the bytes are, to follow "no valid HTTP/1.1 answer:" in a message; undefined if they are neither protocol. */
export function describeOtherProtocol(bytes: Uint8Array): string | undefined {
  const [first, second, third, type, flags] = bytes;
  const isTls = (first === TLS_ALERT || first === TLS_HANDSHAKE) && second === 3;
  if (isTls) return "it speaks TLS; write https:// in the URL";
  // The first frame of an HTTP/2 server is a short SETTINGS on stream 0 (RFC 9113, 3.4), or GOAWAY if it refuses.
  const isOnStream0 = bytes.byteLength >= FRAME_HEADER_BYTES && bytes.subarray(5, 9).every((byte) => byte === 0);
  const isSettings = type === SETTINGS && flags === 0 && first === 0 && second === 0 && (third ?? 1) % 6 === 0;
  const isGoaway = type === GOAWAY && flags === 0 && first === 0;
  if (isOnStream0 && (isSettings || isGoaway)) return "it speaks only HTTP/2, and this check speaks HTTP/1.1";
  return undefined;
}
