// What a drill is, and how it says that something is otherwise.

export interface Drill {
  readonly name: string;
  /** Throws why not. */
  readonly body: () => Promise<void>;
}

export const DRAINING = [504, "Draining"] as const;
export const HEALTHY = [200, "OK"] as const;
export const UNHEALTHY = [504, "At least one health check failed"] as const;

export function claim(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

export function same(what: string, got: unknown, expected: unknown): void {
  claim(Bun.deepEquals(got, expected), `${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
}
