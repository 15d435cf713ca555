/** What `/openapi.json` says of products and what lies beneath: parameters, and the shape of the answers. */
import type { ParameterDocumentation, ReadDocumentation } from '../../contract/documentation.ts';
import type { JsonSchema } from '../../contract/source.ts';

type Shapes = Readonly<Record<string, JsonSchema>>;

const TEXT: JsonSchema = { type: 'string' };
const TEXT_OR_NULL: JsonSchema = { type: ['string', 'null'] };
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };

function shape(properties: Shapes): JsonSchema {
  return { type: 'object', required: Object.keys(properties), properties, additionalProperties: false };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

const DEPLOYMENT = shape({
  id: TEXT,
  version: TEXT,
  environment_name: TEXT,
  status: TEXT,
  deployed_by: TEXT_OR_NULL,
  build_url: TEXT_OR_NULL,
  invoke_id: TEXT_OR_NULL,
  pending_at: TEXT_OR_NULL,
  started_at: TEXT_OR_NULL,
  ended_at: TEXT_OR_NULL,
  duration_ms: { type: ['integer', 'null'] },
});
const CURRENT = shape({
  id: TEXT,
  version: TEXT,
  scm_sha: TEXT_OR_NULL,
  since: TEXT_OR_NULL,
  deployed_by: TEXT_OR_NULL,
  build_url: TEXT_OR_NULL,
});

const PAGE: Readonly<Record<string, ParameterDocumentation>> = {
  limit: { description: 'How many.', schema: { type: 'integer', minimum: 1 }, example: 10 },
  after: { description: 'The `next` of the page before.', schema: TEXT, example: 'my-service' },
};

/** A page of items under `member`, of one product where `product` says so. */
function page(summary: string, member: string, item: JsonSchema, product: boolean): ReadDocumentation {
  return {
    summary,
    description: '`next` is what `after` of the next page must be; null on the last.',
    parameters: { ...PAGE, ...(product ? { name: { description: 'The product.', schema: TEXT, example: 'my-service' } } : {}) },
    answer: shape({ ...(product ? { product_name: TEXT } : {}), [member]: listOf(item), next: TEXT_OR_NULL }),
    ...(product ? { errors: ['product_unknown'] } : {}),
  };
}

export const PRODUCT_DOCUMENTATION = {
  products: page(
    'List products',
    'products',
    shape({ product_name: TEXT, first_seen: TEXT_OR_NULL, last_seen: TEXT_OR_NULL, versions: COUNT, environments: COUNT }),
    false,
  ),
  versions: page(
    'List the versions of a product',
    'versions',
    shape({ version: TEXT, scm_sha: TEXT_OR_NULL, first_seen: TEXT_OR_NULL, last_seen: TEXT_OR_NULL, build_status: TEXT_OR_NULL }),
    true,
  ),
  environments: page(
    'Tell what runs where',
    'environments',
    shape({
      environment_name: TEXT,
      first_seen: TEXT_OR_NULL,
      current: { anyOf: [CURRENT, { type: 'null' }] },
      in_progress: listOf(DEPLOYMENT),
    }),
    true,
  ),
  deployments: page('List the deployments of a product, the latest first', 'deployments', DEPLOYMENT, true),
} as const;
