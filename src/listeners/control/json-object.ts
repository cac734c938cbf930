// A body of the control socket: one JSON object.

export function readObject(
  json: string,
): { readonly object: Readonly<Record<string, unknown>> } | { readonly flaw: string } {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return { flaw: "expected JSON" };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return { flaw: "expected an object" };
  return { object: given as Readonly<Record<string, unknown>> };
}
