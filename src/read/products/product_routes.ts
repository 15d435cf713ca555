/** `GET /products` and what lies beneath: from a request's parameters to the JSON of its answer. */
import type { QueryPort } from '../../contract/query.ts';
import type { ReadAnswer, ReadRequest, ReadRoute } from '../../contract/read_route.ts';
import { PRODUCT_DOCUMENTATION } from './product_documentation.ts';
import { ProductReads, type Question } from './product_reads.ts';
import { type Items, PAGE_NAMES, readPage } from './product_scope.ts';

const COMMON = {
  method: 'GET',
  key_uses: ['events', 'read'],
  credentials: ['bearer', 'x-api-key'],
  error_shape: 'detail',
  query_names: PAGE_NAMES,
} as const;

export function productRoutes(query: QueryPort): readonly ReadRoute[] {
  const reads = new ProductReads(query);
  return [
    {
      ...COMMON,
      path: '/products',
      documentation: PRODUCT_DOCUMENTATION.products,
      answer: async (request) => answerOf('products', await reads.products(questionOf(request))),
    },
    ofProduct('versions', (question) => reads.versions(question)),
    ofProduct('environments', (question) => reads.environments(question)),
    ofProduct('deployments', (question) => reads.deployments(question)),
  ];
}

function ofProduct(
  member: Exclude<keyof typeof PRODUCT_DOCUMENTATION, 'products'>,
  ask: (question: Question) => Promise<Items<object>>,
): ReadRoute {
  const answer = async (request: ReadRequest): Promise<ReadAnswer> => {
    const question = questionOf(request);
    return answerOf(member, await ask(question), { product_name: question.product_name });
  };
  return { ...COMMON, path: `/products/:name/${member}`, documentation: PRODUCT_DOCUMENTATION[member], answer };
}

function questionOf({ tenant, path_values, query, signal }: ReadRequest): Question {
  return { tenant, product_name: path_values.get('name') ?? '', page: readPage(query), signal };
}

function answerOf(member: string, { items, next }: Items<object>, of: Readonly<Record<string, string>> = {}): ReadAnswer {
  return { status: 200, body: JSON.stringify({ ...of, [member]: items, next }) };
}
