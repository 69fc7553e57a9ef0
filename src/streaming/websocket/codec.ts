/** How a message carries a channel's bytes. */
export interface ChannelCodec {
  /** Undefined for a message that is none. */
  decode(message: Buffer): { readonly channel: number; readonly payload: Buffer } | undefined;
  /** As a text message if it is a string. */
  encode(channel: number, payload: Buffer): Buffer | string;
}

/** The channel is the first byte. */
export const binaryCodec: ChannelCodec = {
  decode: (message) => {
    const [channel] = message;
    return channel === undefined ? undefined : { channel, payload: message.subarray(1) };
  },
  encode: (channel, payload) => {
    const message = Buffer.allocUnsafe(payload.length + 1);
    message[0] = channel;
    payload.copy(message, 1);
    return message;
  },
};

/** The channel is a digit, what follows is base64: for clients that can only read text. */
export const base64Codec: ChannelCodec = {
  decode: (message) => {
    const text = message.toString('latin1');
    return /^\d/.test(text) ? { channel: Number(text[0]), payload: Buffer.from(text.slice(1), 'base64') } : undefined;
  },
  encode: (channel, payload) => `${channel}${payload.toString('base64')}`,
};
