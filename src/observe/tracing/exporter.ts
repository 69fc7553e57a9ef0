import { Agent, request } from 'undici';
import { type Log, messageOf } from '../../base';
import { exportRequest, type Span } from './otlp';

export interface ExporterOptions {
  /** `http://127.0.0.1:4318`: spans go to /v1/traces below it. */
  readonly endpoint: string;
  readonly log: Log;
  readonly times?: ExporterTimes;
}

/** Milliseconds. */
interface ExporterTimes {
  /** For which spans are gathered before they are sent. */
  readonly gather: number;
  /** For one request, from its first byte to the last of its answer. */
  readonly request: number;
  /** After a failure until the collector is asked again: the first, which doubles, and the longest. */
  readonly pause: number;
  readonly longestPause: number;
}

export interface ExporterStats {
  readonly sent: number;
  /** Never to be sent: the queue was full, or the collector could not be reached or refused them. */
  readonly dropped: number;
  readonly waiting: number;
}

/** Spans that wait, and that go with one request. */
const mostWaiting = 4096;
const mostSent = 512;

const usualTimes: ExporterTimes = { gather: 1000, request: 10_000, pause: 5_000, longestPause: 60_000 };

/** Sends spans to a collector by OTLP over HTTP, as JSON. Nobody waits for it: what it cannot get rid of it drops and counts. */
export class SpanExporter {
  private waiting: Span[] = [];
  private sent = 0;
  private dropped = 0;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> | undefined;
  private readonly times: ExporterTimes;
  private readonly agent: Agent;
  private readonly url: string;

  constructor(private readonly options: ExporterOptions) {
    this.times = options.times ?? usualTimes;
    this.url = `${options.endpoint.replace(/\/+$/, '')}/v1/traces`;
    const timeout = this.times.request;
    this.agent = new Agent({ connections: 1, connect: { timeout }, headersTimeout: timeout, bodyTimeout: timeout });
  }

  add(span: Span): void {
    if (this.waiting.length >= mostWaiting) {
      this.dropped++;
      return;
    }
    this.waiting.push(span);
    this.arm();
  }

  stats(): ExporterStats {
    return { sent: this.sent, dropped: this.dropped, waiting: this.waiting.length };
  }

  /** Tries to send what waits, for so many milliseconds, and sends nothing any more. */
  async close(ms: number): Promise<void> {
    clearTimeout(this.timer);
    const deadline = AbortSignal.timeout(ms);
    await this.sending;
    while (this.waiting.length > 0 && !deadline.aborted && this.failures === 0) await this.send(deadline);
    await this.agent.destroy();
  }

  private arm(): void {
    if (this.timer || this.sending) return;
    const { gather, pause, longestPause } = this.times;
    const ms = this.failures === 0 ? gather : Math.min(longestPause, pause * 2 ** Math.min(this.failures - 1, 10));
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.sending = this.send(AbortSignal.timeout(this.times.request)).finally(() => {
        this.sending = undefined;
        if (this.waiting.length > 0) this.arm();
      });
    }, ms);
    this.timer.unref();
  }

  private async send(signal: AbortSignal): Promise<void> {
    const spans = this.waiting.splice(0, mostSent);
    try {
      const { statusCode, body } = await request(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: exportRequest(spans),
        dispatcher: this.agent,
        signal,
      });
      await body.dump();
      if (statusCode >= 300) throw new Error(`it answers ${statusCode}`);
      this.sent += spans.length;
      if (this.failures > 0) this.options.log.info({ ...this.stats() }, 'the collector of traces takes spans again');
      this.failures = 0;
    } catch (error) {
      this.dropped += spans.length;
      this.failures++;
      if (this.failures > 1) return;
      const text = `traces are dropped, the collector at ${this.url} does not take them: ${messageOf(error)}`;
      this.options.log.warn({ err: error, ...this.stats() }, text);
    }
  }
}
