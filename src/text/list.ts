// Names in a sentence.

/** "a, b and 3 more" after the first `most`; all of them with commas where there are no more. */
export const listOf = (items: readonly string[], most: number): string =>
  items.length > most ? `${items.slice(0, most).join(", ")} and ${items.length - most} more` : items.join(", ");

/** "a", "a and b", or "a, b and 3 more". */
export const listFirstTwo = (items: readonly string[]): string =>
  items.length === 2 ? items.join(" and ") : listOf(items, 2);
