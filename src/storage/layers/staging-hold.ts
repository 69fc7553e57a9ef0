import { messageOf, type Log } from '../../base';

/** What one addLayers or addArtifact holds of the pools, and in whose name its sources wait: let go in full, past failures. */
export class StagingHold implements AsyncDisposable {
  private readonly releases: (() => Promise<void>)[] = [];

  constructor(private readonly log: Log) {}

  add(release: () => Promise<void>): void {
    this.releases.push(release);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.releases.splice(0).map((release) =>
        release().catch((error: unknown) => {
          // What stays is found and removed by cleanStaging at the next start.
          this.log.error({ err: error }, `a staged layer could not be removed: ${messageOf(error)}`);
        }),
      ),
    );
  }
}
