/**
 * The schemas of a document, each under its name. A schema that brings definitions of its own (`$defs`) is taken apart, since within a
 * document its references would point at the document's root.
 */
import { assert } from '../base/assert.ts';
import { isRecord } from '../base/json.ts';
import type { JsonSchema } from '../contract/source.ts';

const PREFIX = '#/components/schemas/';
const DEFINITIONS = '$defs';
const LOCAL_REFERENCE = /^#\/\$defs\/(.+)$/;

export class Schemas {
  private readonly schemas = new Map<string, JsonSchema>();

  /** @returns a reference to it; the same name with another schema is a bug */
  add(name: string, schema: JsonSchema): JsonSchema {
    const { [DEFINITIONS]: definitions, ...rest } = schema;
    if (isRecord(definitions)) {
      for (const [key, part] of Object.entries(definitions)) if (isRecord(part)) this.put(`${name}_${key}`, relocate(part, name));
    }
    this.put(name, relocate(rest, name));
    return { $ref: `${PREFIX}${name}` };
  }

  all(): JsonSchema {
    return Object.fromEntries(this.schemas);
  }

  private put(name: string, schema: JsonSchema): void {
    const known = this.schemas.get(name);
    assert(known === undefined || JSON.stringify(known) === JSON.stringify(schema), `BUG: two schemas are named ${name}`);
    this.schemas.set(name, schema);
  }
}

/** A copy whose references to the schema's own definitions point at where those are put. */
function relocate(schema: JsonSchema, name: string): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      const target = key === '$ref' && typeof value === 'string' ? LOCAL_REFERENCE.exec(value)?.[1] : undefined;
      return [key, target === undefined ? relocateValue(value, name) : `${PREFIX}${name}_${target}`];
    }),
  );
}

function relocateValue(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((each) => relocateValue(each, name));
  return isRecord(value) ? relocate(value, name) : value;
}
