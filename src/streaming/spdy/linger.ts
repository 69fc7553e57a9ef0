/** A peer that sends nothing for so long after our GOAWAY will not send when the socket is closed, either. */
const silenceMs = 10_000;
/** A peer that goes on sending gets no more than this. */
const longestMs = 5 * 60_000;

/**
 * How long a peer may take to close its side after GOAWAY. The kernel goes on delivering behind a close, but not to a
 * peer that still sends: its next byte, a keep-alive ping perhaps, would be answered with a reset, and what a slow
 * reader has not fetched by then would be lost.
 */
export class Linger {
  private silence: NodeJS.Timeout | undefined;
  private longest: NodeJS.Timeout | undefined;

  constructor(private readonly giveUp: () => void) {}

  start(): void {
    this.silence = setTimeout(this.giveUp, silenceMs).unref();
    this.longest = setTimeout(this.giveUp, longestMs).unref();
  }

  heard(): void {
    this.silence?.refresh();
  }

  stop(): void {
    clearTimeout(this.silence);
    clearTimeout(this.longest);
  }
}
