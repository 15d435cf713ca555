/** The public listener's read routes, and the document that describes them and all others. */
import type { QueryPort } from '../contract/query.ts';
import type { ReadRoute } from '../contract/read_route.ts';
import { openApiRoute } from '../openapi/openapi_route.ts';
import type { PublicInterface } from '../openapi/types.ts';
import { HEALTH_ROUTES } from '../ops/health_routes.ts';
import { errorBody } from '../pipeline/front/answers.ts';
import { MEDIA_TAKEN } from '../pipeline/front/front_end.ts';
import { CODINGS_TAKEN, MEDIA_TYPE_NAMES } from '../pipeline/front/request_format.ts';
import { productRoutes } from '../read/products/product_routes.ts';
import { releaseRoutes } from '../read/release_routes.ts';
import { SOURCES } from '../sources/list.ts';

export function createReadRoutes(query: QueryPort): readonly ReadRoute[] {
  const read_routes = [...releaseRoutes(query), ...productRoutes(query)];
  return [...read_routes, openApiRoute(describe(read_routes))];
}

function describe(read_routes: readonly ReadRoute[]): PublicInterface {
  return {
    sources: SOURCES,
    read_routes,
    open_routes: HEALTH_ROUTES,
    media_types: {
      batch: MEDIA_TAKEN.batch.map((media) => MEDIA_TYPE_NAMES[media]),
      single: MEDIA_TAKEN.single.map((media) => MEDIA_TYPE_NAMES[media]),
    },
    codings: CODINGS_TAKEN.filter((coding) => coding !== 'identity'),
    errorBody,
  };
}
