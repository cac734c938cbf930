// What the guest says over its serial line: a line for each thing that was tried, between two marks.

export interface Finding {
  readonly name: string;
  readonly ms: number;
  /** Why it does not hold; absent where it does. */
  readonly why?: string;
}

export const BEGIN = "drill: begin";
export const END = "drill: end";
export const MARK = "drill: ";
