import { formatFor, toOpenMetrics } from '../../../src/observe/metrics/exposition';

const prometheus =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

test.each([
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  ['text/html', 'text'],
  ['text/plain;version=0.0.4', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text;version=2.0.0, text/plain', 'text'],
  ['application/openmetrics-text;q=0.2, text/plain;q=0.9', 'text'],
  ['APPLICATION/OPENMETRICS-TEXT;Q=0.9, text/plain;q=0.3', 'openmetrics'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text;q=x', 'text'],
  [prometheus, 'openmetrics'],
])('Accept %j is answered with %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});

test('OpenMetrics names a counter’s family without _total, has bounds in floating point, no empty line, and an end', () => {
  const text = [
    '# HELP a_total of a_total b',
    '# TYPE a_total counter',
    'a_total{x="1"} 1',
    '',
    '# HELP h_seconds x',
    '# TYPE h_seconds histogram',
    'h_seconds_bucket{le="0.5",x="le=\\"2\\""} 1',
    'h_seconds_bucket{le="10",x="1"} 1',
    'h_seconds_bucket{x="1",le="+Inf"} 1',
    '',
  ].join('\n');
  expect(toOpenMetrics(text)).toBe(
    [
      '# HELP a of a_total b',
      '# TYPE a counter',
      'a_total{x="1"} 1',
      '# HELP h_seconds x',
      '# TYPE h_seconds histogram',
      'h_seconds_bucket{le="0.5",x="le=\\"2\\""} 1',
      'h_seconds_bucket{le="10.0",x="1"} 1',
      'h_seconds_bucket{x="1",le="+Inf"} 1',
      '# EOF',
      '',
    ].join('\n'),
  );
});
