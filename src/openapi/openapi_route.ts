/** `GET /openapi.json`, for anyone: made once, when somebody asks first. */
import type { ReadRoute } from '../contract/read_route.ts';
import { createDocument } from './document.ts';
import type { PublicInterface } from './types.ts';

const PATH = '/openapi.json';

/** @param described all but this route, which adds itself */
export function openApiRoute(described: PublicInterface): ReadRoute {
  let body: string | undefined;
  const route: ReadRoute = {
    method: 'GET',
    path: PATH,
    key_uses: [],
    credentials: [],
    error_shape: 'code',
    query_names: [],
    documentation: {
      summary: 'Read this document',
      answer: { type: 'object', required: ['openapi', 'info', 'paths', 'components'], properties: { openapi: { type: 'string' } } },
    },
    answer: async () => {
      body ??= JSON.stringify(createDocument({ ...described, read_routes: [...described.read_routes, route] }));
      return { status: 200, body };
    },
  };
  return route;
}
