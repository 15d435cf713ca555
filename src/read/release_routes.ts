/** `GET /api/v1/deploy/releases` and `GET /api/v1/deploy/releases/:id`: from a request's parameters to the JSON of its answer. */
import type { QueryPort } from '../contract/query.ts';
import type { ReadAnswer, ReadRoute } from '../contract/read_route.ts';
import { invalidParameter, readChoice } from './parameters.ts';
import { LIST_DOCUMENTATION, RELEASE_DOCUMENTATION } from './release_documentation.ts';
import { LIST_NAMES, readPage } from './release_list.ts';
import { RELEASE_ID_CODE_POINTS_MAX, readScope, SCOPE_NAMES } from './release_scope.ts';
import { INTERVALS } from './release_series.ts';
import { ReleaseStatistics } from './release_statistics.ts';

const PATH = '/api/v1/deploy/releases';

const COMMON = { method: 'GET', key_uses: ['read'], credentials: ['x-api-key', 'bearer'], error_shape: 'code' } as const;

export function releaseRoutes(query: QueryPort): readonly ReadRoute[] {
  const statistics = new ReleaseStatistics(query);
  return [
    {
      ...COMMON,
      path: PATH,
      query_names: LIST_NAMES,
      documentation: LIST_DOCUMENTATION,
      answer: async (request) => {
        const scope = readScope(request);
        return answerOf({ releases: await statistics.list(scope, readPage(request.query), request.signal) });
      },
    },
    {
      ...COMMON,
      path: `${PATH}/:id`,
      query_names: [...SCOPE_NAMES, 'interval'],
      documentation: RELEASE_DOCUMENTATION,
      answer: async (request) => {
        const scope = readScope(request);
        const interval = readChoice(request.query, 'interval', INTERVALS) ?? 'day';
        const release_id = request.path_values.get('id') ?? '';
        if ([...release_id].length > RELEASE_ID_CODE_POINTS_MAX) {
          throw invalidParameter('id', `it has more than ${RELEASE_ID_CODE_POINTS_MAX} characters`);
        }
        return answerOf(await statistics.one(scope, release_id, interval, request.signal));
      },
    },
  ];
}

function answerOf(value: object): ReadAnswer {
  return { status: 200, body: JSON.stringify(value) };
}
