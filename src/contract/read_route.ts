/**
 * What a read route is: a GET on the public listener that is answered from what is stored. The front end knows keys, time and
 * load, the route knows the answer; neither knows the other but through this.
 */
import type { ReadDocumentation } from './documentation.ts';
import type { Credential, Route } from './source.ts';
import type { KeyUse, Tenant } from './tenant.ts';

export interface ReadRoute {
  readonly method: 'GET';
  /** A pattern: `/products/:name/versions`. It labels metrics, and each `:name` is a member of `ReadRequest.path_values`. */
  readonly path: string;
  /** Keys of any of these uses may ask; none means that anyone may, without a key. */
  readonly key_uses: readonly KeyUse[];
  readonly credentials: readonly Credential[];
  readonly error_shape: Route['error_shape'];
  /** The names that the query string may have, once each; any other is refused, since a misspelt filter would filter nothing. */
  readonly query_names: readonly string[];
  readonly documentation?: ReadDocumentation;
  /**
   * Answers one request. An `OperatingError` of the catalogue becomes the answer that it describes; anything else thrown is a
   * bug, logged, and answered 500.
   */
  answer(request: ReadRequest): Promise<ReadAnswer>;
}

export interface ReadRequest {
  /** Whose key it is; all empty where anyone may ask. */
  readonly tenant: Tenant;
  /** Of the pattern's parameters, percent-decoded; never empty. */
  readonly path_values: ReadonlyMap<string, string>;
  /** Of the query string, percent-decoded. */
  readonly query: ReadonlyMap<string, string>;
  /** Aborted when nobody waits for the answer any more: the client went away, or the time is over. */
  readonly signal: AbortSignal;
}

export interface ReadAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}
