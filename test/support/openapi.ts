/** The document of the public interface as tests read it, and the judge of values by its schemas. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Document, Operation } from '../../src/openapi/types.ts';

export interface PlacedOperation {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export function operationsOf(document: Document): PlacedOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Every `$ref` of the document, with the place where it stands. */
export function* references(value: unknown, place = '#'): Generator<readonly [place: string, reference: string]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === '$ref' && typeof each === 'string') yield [place, each];
    else yield* references(each, `${place}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

/** What a JSON pointer in the document points at; undefined for nothing. */
export function resolvePointer(document: unknown, pointer: string): unknown {
  let value: unknown = document;
  for (const step of pointer.replace(/^#\//, '').split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  return value;
}

/** Holds values against schemas within the document. */
export class DocumentJudge {
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(document: Document) {
    this.ajv.addSchema(document, 'document');
  }

  /** @returns what the value breaks, in words; empty when it fits the schema at `pointer` */
  problems(pointer: string, value: unknown): string {
    const validate = this.validators.get(pointer) ?? this.ajv.compile({ $ref: `document${encodeURI(pointer)}` });
    this.validators.set(pointer, validate);
    return validate(value) ? '' : this.ajv.errorsText(validate.errors);
  }
}

/** The pointer to the schema of an answer. */
export function answerSchema({ path, method }: PlacedOperation, status: number): string {
  return `#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1')}/${method}/responses/${status}/content/application~1json/schema`;
}
