import type { ServiceError } from '@grpc/grpc-js';
import { ContainerEventType, type ContainerEventResponse } from '../../src/wire';
import type { Cri } from './cri';
import { until } from './wait';
import type { World } from './world';

/** A reader of events, from now on until it is disposed of. */
export class EventReader implements Disposable {
  readonly events: ContainerEventResponse[] = [];
  ended: ServiceError | undefined;
  private readonly stream: ReturnType<Cri['events']>;

  constructor(private readonly world: World) {
    this.stream = world.cri.events();
    this.stream.on('data', (event: ContainerEventResponse) => this.events.push(event));
    this.stream.on('error', (error: ServiceError) => (this.ended = error));
  }

  /** A word for each event of these ids. */
  of(names: Readonly<Record<string, string>>): string[] {
    return this.events.flatMap(({ containerId, containerEventType: type }) => {
      const name = names[containerId];
      return name === undefined
        ? []
        : [`${name} ${ContainerEventType[type].slice('CONTAINER_'.length, -'_EVENT'.length)}`];
    });
  }

  /** Subscribed once something that is done now is told of. */
  async ready(): Promise<this> {
    const before = this.events.length;
    await until('the first event', async () => {
      await this.world.removePod((await this.world.runPod(this.world.podConfig({ host: true }))).id);
      return this.events.length > before;
    });
    return this;
  }

  [Symbol.dispose](): void {
    this.stream.cancel();
  }
}
