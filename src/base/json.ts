/** JSON at the border, before anything is known of it. */

/** What the text says, and undefined for what is not JSON, which has no undefined of its own. The caller has bounded its depth. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with members, and no array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
