// Names in a sentence.

/** "a", "a and b", or "a, b and 3 more". */
export function listFirstTwo(items: readonly string[]): string {
  const [first = "", second, ...more] = items;
  if (second === undefined) return first;
  return more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`;
}
