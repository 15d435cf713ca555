/** A JSON object in three forms; its text is only asked for where it must be looked at closely. */
export interface JsonDocument {
  readonly value: object;
  readonly bytes: Uint8Array;
  text(): string;
}
