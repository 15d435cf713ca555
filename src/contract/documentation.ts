/**
 * What a reader of the interface must be told of a route beside what is declared anyway: words, and the shape of what comes back.
 * It stands where the route is declared, so that whoever adds a route documents it there; `/openapi.json` is made of it.
 */
import type { ErrorCode } from './errors.ts';
import type { JsonSchema } from './source.ts';

export interface RouteDocumentation {
  /** One line without a full stop, beginning with a verb. */
  readonly summary: string;
  /** Sentences; Markdown. */
  readonly description?: string;
  /** Of the answer when all went well. */
  readonly answer?: JsonSchema;
  /** Errors that this route has beside those that every route of its kind has. */
  readonly errors?: readonly ErrorCode[];
}

/** Of a route that takes events. */
export interface IngestDocumentation extends RouteDocumentation {
  /** Of one event of this route, where the source's schema says it less well. */
  readonly event?: JsonSchema;
}

/** Of a parameter in the path or in the query string. */
export interface ParameterDocumentation {
  readonly description: string;
  readonly schema: JsonSchema;
  /** A value to try. */
  readonly example: string | number;
}

/** Of a route that reads. */
export interface ReadDocumentation extends RouteDocumentation {
  readonly parameters?: Readonly<Record<string, ParameterDocumentation>>;
}

/** A GET that needs no key and takes nothing, and is answered in the front end itself. */
export interface OpenRoute {
  readonly path: string;
  readonly documentation: RouteDocumentation;
  /** Statuses with an answer of the documented shape, and what each means. */
  readonly statuses: Readonly<Record<number, string>>;
}
