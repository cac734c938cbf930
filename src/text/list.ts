// Lists names in a sentence.

/** "a, b and 3 more" if there are more than `most`, else all of them: "a, b, c". */
export const listOf = (items: readonly string[], most: number): string =>
  items.length > most ? `${items.slice(0, most).join(", ")} and ${items.length - most} more` : items.join(", ");

/** "a", "a and b", or "a, b and 3 more". */
export const listFirstTwo = (items: readonly string[]): string =>
  items.length === 2 ? items.join(" and ") : listOf(items, 2);

/** "a, b and c" */
export const listInWords = (items: readonly string[], word = "and"): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} ${word} ${items.at(-1)}`;
