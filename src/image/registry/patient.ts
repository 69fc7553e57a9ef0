import { type Log, messageOf, pause } from '../../base';
import { discard } from './body';
import { isReset } from './connection-error';
import { type Endpoint, endpointAt } from './endpoint';
import type { Http, HttpRequest, HttpResponse } from './http';
import type { Meter } from './meter';
import { backoff, type Patience, retryDelay } from './retry';

export interface PatientOptions {
  readonly http: Http;
  readonly endpoint: Endpoint;
  readonly patience: Patience;
  /** Whether temporary failures are waited for: with another endpoint behind this one they are not. */
  readonly last: boolean;
  readonly meter: Meter;
  readonly log: Log;
}

/** How often one request may be sent, whatever the reasons to send it again. */
export class Tries {
  private used = 0;

  constructor(private readonly limit: number) {}

  /** Takes one; its number counts from 1. */
  take(): number {
    return ++this.used;
  }

  get over(): boolean {
    return this.used >= this.limit;
  }
}

/** Sends to one endpoint: broken connections and temporary refusals are waited for, in bounds. */
export class PatientHttp {
  constructor(private readonly options: PatientOptions) {}

  get endpoint(): Endpoint {
    return this.options.endpoint;
  }

  /** For an address that is no part of the registry: nothing of it is trusted there, nor is it waited for. */
  elsewhere(url: URL): PatientHttp {
    return new PatientHttp({ ...this.options, endpoint: endpointAt(url), last: false });
  }

  tries(): Tries {
    return new Tries(this.options.patience.attempts);
  }

  /** Answers whatever the endpoint finally says. */
  async send(asked: Omit<HttpRequest, 'endpoint' | 'meter'>, tries: Tries, signal: AbortSignal): Promise<HttpResponse> {
    const { http, endpoint, patience, last, meter } = this.options;
    for (;;) {
      const attempt = tries.take();
      let delay: number | undefined;
      let why: Record<string, unknown>;
      try {
        const response = await http.send({ ...asked, endpoint, meter }, signal);
        delay = last && !tries.over ? retryDelay(response, attempt, patience) : undefined;
        if (delay === undefined) return response;
        why = { status: response.status };
        discard(response.body);
      } catch (error) {
        if (signal.aborted || !last || tries.over || !isReset(error)) throw error;
        delay = backoff(attempt, patience);
        why = { cause: messageOf(error) };
      }
      this.options.log.info({ registry: endpoint.host, ...why, delay }, 'the registry is asked again');
      await pause(delay, signal, 'wait for the registry');
    }
  }
}
