/** Frames of HTTP/2 (RFC 9113) and header fields (RFC 7541) of our own making, for load and for attacks that no client library sends. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
export const MAX_WINDOW = 2 ** 31 - 1;
export const FRAME_HEADER_BYTES = 9;

/** RFC 9113, section 6. */
export const TYPE = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;

/** RFC 9113, section 6.5.2. */
export const SETTING = { initialWindowSize: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

export const SETTINGS_ACK = frame(TYPE.settings, FLAG.ack, 0);

/** A SETTINGS frame with one setting, or none. */
export function settings(setting?: number, value = 0): Buffer {
  if (setting === undefined) return frame(TYPE.settings, 0, 0);
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(setting, 0);
  payload.writeUInt32BE(value, 2);
  return frame(TYPE.settings, 0, 0, payload);
}

/** A payload of four bytes: an error code, an increment of a window. */
export function uint32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return payload;
}

/** A field that needs no table (RFC 7541, section 6.2.2). */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

/** A field that goes into the peer's table (RFC 7541, section 6.2.1). */
export function remembered(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
}

/** The field that went into the peer's table last: one byte, however long it is (RFC 7541, sections 2.3.3 and 6.1). */
export const NEWEST_REMEMBERED = Buffer.of(0x80 | 62);

/** Header fields that need no table. */
export function literals(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
}

/** RFC 7541, sections 5.1 and 5.2, without Huffman. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.of(...length, rest), bytes]);
}
