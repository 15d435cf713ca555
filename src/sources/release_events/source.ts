/** Deployment and build events: what the pipelines of a CI system post with `curl`, one event to a request. */
import type { Route, SingleSource } from '../../contract/source.ts';
import { ReleaseEventDecoder } from './decoder.ts';
import { documentationOf } from './documentation.ts';
import { BUILD, DEPLOYMENT, type EventKind } from './kinds.ts';
import { SAMPLES } from './samples.ts';
import { EVENT_SCHEMAS, RELEASE_EVENT_SCHEMA } from './schema.ts';
import { BUILD_EVENTS, DEPLOYMENT_EVENTS } from './tables.ts';
import { ENVIRONMENTS, PRODUCTS, VERSIONS } from './views.ts';

/** A field that is too large is told by its name, which needs the body; beyond this it is not read. */
const BODY_BYTES_MAX = 32 * 2 ** 20;

const PLACES: readonly { readonly path: string; readonly kind: EventKind }[] = [
  { path: '/deployment-events/', kind: DEPLOYMENT },
  { path: '/deployment-events', kind: DEPLOYMENT },
  { path: '/build-events/', kind: BUILD },
  { path: '/build-events', kind: BUILD },
];

function routeOf({ path, kind }: (typeof PLACES)[number]): Route {
  return {
    path,
    key_use: 'events',
    credentials: ['bearer'],
    error_shape: 'detail',
    status: 200,
    body_bytes_max: BODY_BYTES_MAX,
    documentation: documentationOf(kind),
  };
}

export const RELEASE_EVENTS: SingleSource = {
  kind: 'single',
  name: 'release_events',
  routes: PLACES.map(routeOf),
  tables: [DEPLOYMENT_EVENTS, BUILD_EVENTS],
  views: [PRODUCTS, ENVIRONMENTS, VERSIONS],
  schema: RELEASE_EVENT_SCHEMA,
  compiled_schemas: EVENT_SCHEMAS,
  samples: SAMPLES,
  createDecoder: (tools) =>
    new ReleaseEventDecoder(
      tools,
      PLACES.map(({ kind }) => kind),
    ),
};
