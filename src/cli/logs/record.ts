/** One record of a log in the kubelet's format: `<RFC 3339 time> <stdout|stderr> <P|F> <text>`. */
export interface LogRecord {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The line goes on in the next record of its stream. */
  readonly partial: boolean;
  /** The text without its newline, as the program wrote it. */
  readonly text: Buffer;
}

const head = /^(\d{4}-\d\d-\d\dT\S+) (stdout|stderr) ([PF])(?::\S*)?(?: |$)/;

/** Parses a line without its newline. What is not in the format is shown as it is, for a log should hide nothing. */
export function parseRecord(line: Buffer): LogRecord {
  // The head is ASCII of some fifty bytes; the text behind it may be anything.
  const [matched = '', time, stream, tag] = head.exec(line.toString('latin1', 0, 80)) ?? [];
  if (time === undefined) return { time: '', stream: 'stdout', partial: false, text: line };
  return {
    time,
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    partial: tag === 'P',
    text: line.subarray(matched.length),
  };
}

/** A record has some 16 KiB; without a newline for this long the file is no log, and is handed on in pieces. */
const maxLineBytes = 1024 * 1024;

/** Cuts what is read of a log file into records. */
export class RecordSplitter {
  private held: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<LogRecord, void, undefined> {
    let rest = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield parseRecord(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    this.held = Buffer.from(rest);
    if (this.held.length > maxLineBytes) yield* this.flush();
  }

  /** The last line, if the file ended without a newline. */
  *flush(): Generator<LogRecord, void, undefined> {
    if (this.held.length > 0) yield parseRecord(this.held);
    this.held = Buffer.alloc(0);
  }
}
