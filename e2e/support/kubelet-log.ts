/** One line of a log in the kubelet's format: time, stream, tag, content. */
export interface LogLine {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** `P` when the line goes on in the next record. */
  readonly tag: 'F' | 'P';
  readonly text: string;
}

const record = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) (.*)$/s;

/** Parses a whole log; a line that is not in the format fails, and so does a last line without its end. */
export function parseLog(text: string): LogLine[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error(`the log's last line has no end: ${JSON.stringify(text.slice(-200))}`);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const [, time, stream, tag, content] = record.exec(line) ?? [];
      if (time === undefined || content === undefined) throw new Error(`not in the kubelet's format: ${line}`);
      return {
        time,
        stream: stream === 'stderr' ? 'stderr' : 'stdout',
        tag: tag === 'P' ? 'P' : 'F',
        text: content,
      } as const;
    });
}

/** The text of one stream as the program wrote it. */
export function written(lines: readonly LogLine[], stream: LogLine['stream'] = 'stdout'): string {
  return lines
    .filter((line) => line.stream === stream)
    .map((line) => (line.tag === 'F' ? `${line.text}\n` : line.text))
    .join('');
}
