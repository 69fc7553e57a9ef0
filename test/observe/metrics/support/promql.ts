/** What PromQL itself brings, as far as the files in deploy/ use it. */
const words = new Set([
  ...['sum', 'min', 'max', 'count', 'by', 'without', 'and', 'or', 'unless', 'on', 'ignoring', 'group_left', 'bool'],
  ...['rate', 'increase', 'changes', 'histogram_quantile', 'time', 'absent', 'label_values'],
]);

/** Names of metrics in an expression. */
export function metricsIn(expression: string): readonly string[] {
  const bare = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring|group_left)\s*\([^)]*\)/g, '');
  return (bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? []).filter((word) => !words.has(word));
}
