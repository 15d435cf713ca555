/** The parts of an OpenAPI 3.1 document that are made here, and what they are made from. https://spec.openapis.org/oas/v3.1.1.html */
import type { OpenRoute } from '../contract/documentation.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { ReadRoute } from '../contract/read_route.ts';
import type { JsonSchema, Route, Source } from '../contract/source.ts';

/** What the public listener mounts, and how it reads and answers. */
export interface PublicInterface {
  readonly sources: readonly Source[];
  readonly read_routes: readonly ReadRoute[];
  readonly open_routes: readonly OpenRoute[];
  /** The media types of bodies, by kind of source; the first is the usual one. */
  readonly media_types: Readonly<Record<Source['kind'], readonly string[]>>;
  /** The content codings that are undone. */
  readonly codings: readonly string[];
  /** The body of an error, as it is answered. */
  errorBody(shape: Route['error_shape'], code: ErrorCode): string;
}

export interface Example {
  readonly summary: string;
  readonly value: unknown;
}

export interface Content {
  readonly schema: JsonSchema;
  readonly examples?: Readonly<Record<string, Example>>;
}

export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, JsonSchema>>;
  readonly content: Readonly<Record<string, Content>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example?: string | number;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly description: string; readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Document {
  readonly openapi: '3.1.1';
  readonly info: JsonSchema;
  readonly tags: readonly JsonSchema[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: JsonSchema;
}
