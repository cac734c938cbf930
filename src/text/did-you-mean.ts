// The known name that is closest to a mistyped one.

/** Longer names are not compared: the time for a comparison grows with both lengths. */
const LONGEST = 60;

/** Loads the comparison on the first call, which only a mistyped name needs. */
export async function didYouMean(name: string, known: readonly string[]): Promise<string | undefined> {
  if (known.length === 0 || name.length > LONGEST) return undefined;
  const { closest, distance } = await import("fastest-levenshtein");
  const lower = known.map((other) => other.toLowerCase());
  const near = closest(name.toLowerCase(), lower);
  const most = name.length < 4 ? 1 : Math.max(2, name.length / 3);
  if (distance(name.toLowerCase(), near) <= most) return known[lower.indexOf(near)];
  // tpc: two swapped letters are one mistake, but have a distance of two.
  if (name.length >= 4) return undefined;
  const letters = lettersOf(name.toLowerCase());
  return known[lower.findIndex((other) => lettersOf(other) === letters)];
}

const lettersOf = (word: string): string => [...word].sort().join("");
