/**
 * How a member turns away a connection it does not trust: an HTTP/2 GOAWAY frame whose debug data say why, then the end.
 * Nothing a stranger sends is read by HTTP/2.
 */

const FRAME_HEADER_BYTES = 9;
const TYPE_SETTINGS = 4;
const TYPE_GOAWAY = 7;
const INADEQUATE_SECURITY = 0xc;
const PREFIX = 'tandem: ';
const REASON_BYTES = 400;

/** An empty SETTINGS frame, as HTTP/2 must begin with, and a GOAWAY. */
export function goodbyeFrames(reason: string): Buffer {
  const debug = Buffer.from(PREFIX + reason).subarray(0, REASON_BYTES);
  const body = Buffer.alloc(8);
  body.writeUInt32BE(INADEQUATE_SECURITY, 4);
  return Buffer.concat([
    frameHeader(TYPE_SETTINGS, 0),
    frameHeader(TYPE_GOAWAY, body.length + debug.length),
    body,
    debug,
  ]);
}

/** The reason in what a partner sent first; null: it is none of ours, or not complete. */
export function goodbyeReason(received: Buffer): string | null {
  for (let at = 0; at + FRAME_HEADER_BYTES <= received.length; ) {
    const length = received.readUIntBE(at, 3);
    const start = at + FRAME_HEADER_BYTES;
    if (received[at + 3] === TYPE_GOAWAY && start + length <= received.length && length >= 8) {
      const text = received.toString('utf8', start + 8, start + length);
      return text.startsWith(PREFIX)
        ? text.slice(PREFIX.length, PREFIX.length + REASON_BYTES).replace(/\p{C}/gu, ' ')
        : null;
    }
    at = start + length;
  }
  return null;
}

function frameHeader(type: number, length: number): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(length, 0, 3);
  header[3] = type;
  return header;
}
