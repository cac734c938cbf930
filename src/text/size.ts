// Sizes as people write them. As in GNU's tools and df -h, a letter alone stands for powers of 1024, and a letter with B
// for powers of 1000: 1G = 1GiB, 1GB = 1000 MB.

const LETTERS = "kMGTP";

/** A number is exact up to 9 PB. */
export const MAX_SIZE_BYTES = Number.MAX_SAFE_INTEGER;

/** Bytes of a size, rounded up; undefined if the text is not a size. The unit is required, since 10 could mean anything. */
export function parseSize(text: string): number | undefined {
  const [, digits, letter = "", rest = ""] = /^(\d{1,16}(?:\.\d{1,9})?) ?([kmgtp]?)(b|ib|)$/i.exec(text) ?? [];
  if (digits === undefined || (letter === "" && rest.toLowerCase() !== "b")) return undefined;
  const base = rest.toLowerCase() === "b" ? 1000 : 1024;
  const exponent = letter === "" ? 0 : LETTERS.toLowerCase().indexOf(letter.toLowerCase()) + 1;
  const exact = Number(digits) * base ** exponent;
  // Rounded to 15 digits first, because of the error of binary fractions: 16.1 × 1000 is 16100.000000000002.
  const sizeBytes = Number.isInteger(exact) ? exact : Math.ceil(Number(exact.toPrecision(15)));
  return sizeBytes <= MAX_SIZE_BYTES ? sizeBytes : undefined;
}

/** Whether the unit of a size is a power of 1024. */
export const isBinary = (text: string): boolean => /[kmgtp](ib)?$/i.test(text);

/** Three digits for people, rounded down, so that too little never looks enough: 1.23 GB, or 1.14 GiB if `binary`. */
export function formatSize(sizeBytes: number, binary = false): string {
  const base = binary ? 1024 : 1000;
  let exponent = 0;
  while (exponent < LETTERS.length && sizeBytes >= base ** (exponent + 1)) exponent++;
  const number = sizeBytes / base ** exponent;
  const decimals = exponent === 0 || number >= 100 ? 0 : number >= 10 ? 1 : 2;
  const rounded = Math.floor(number * 10 ** decimals) / 10 ** decimals;
  const unit =
    exponent === 0
      ? "B"
      : `${binary ? LETTERS[exponent - 1]?.toUpperCase() : LETTERS[exponent - 1]}${binary ? "iB" : "B"}`;
  return `${rounded} ${unit}`;
}
