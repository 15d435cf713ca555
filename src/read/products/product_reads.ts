/** What a release page asks of ClickHouse, and the answers made of it. Keeps nothing. */
import { OperatingError } from '../../contract/errors.ts';
import type { Query, QueryPort, Row } from '../../contract/query.ts';
import type { Tenant } from '../../contract/tenant.ts';
import { invalidParameter } from '../parameters.ts';
import { readNumber } from '../release_figures.ts';
import { DEPLOYMENT_POSITION, type Deployment, deploymentsStatement, inProgressStatement, readDeployment } from './deployment_runs.ts';
import { type Environment, environmentsStatement, readEnvironment } from './environment_list.ts';
import {
  PRODUCT_EXISTS,
  type Product,
  productsStatement,
  readProduct,
  readVersion,
  VERSION_POSITION,
  type Version,
  versionsStatement,
} from './product_list.ts';
import { type Items, type Page, pageOf } from './product_scope.ts';

/** Of one environment. Nobody deploys so much at once; a pipeline that ends without a word leaves one behind. */
const IN_PROGRESS_MAX = 20;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Who asks, of which product (if of one), and for which page. */
export interface Question {
  readonly tenant: Tenant;
  readonly product_name: string;
  readonly page: Page;
  readonly signal: AbortSignal;
}

export class ProductReads {
  constructor(private readonly query: QueryPort) {}

  async products(question: Question): Promise<Items<Product>> {
    const rows = await this.ask(question, productsStatement(question.page));
    return pageOf(rows.map(readProduct), question.page.limit, ({ product_name }) => product_name);
  }

  async versions(question: Question): Promise<Items<Version>> {
    const after_ms = await this.position(question, VERSION_POSITION, 'version');
    const rows = await this.askProduct(question, versionsStatement(question.page, after_ms));
    return pageOf(rows.map(readVersion), question.page.limit, ({ version }) => version);
  }

  async environments(question: Question): Promise<Items<Environment>> {
    const rows = await this.askProduct(question, environmentsStatement(question.page));
    const [first, last] = [rows[0], rows.at(-1)].map((row) => String(row?.['environment_name'] ?? ''));
    const in_progress = rows.length === 0 ? [] : await this.ask(question, inProgressStatement(first, last, IN_PROGRESS_MAX));
    const deployments = in_progress.map(readDeployment);
    const environments = rows.map((row) => readEnvironment(row, deployments));
    return pageOf(environments, question.page.limit, ({ environment_name }) => environment_name);
  }

  async deployments(question: Question): Promise<Items<Deployment>> {
    const { after, limit } = question.page;
    if (after !== undefined && !UUID.test(after)) throw invalidParameter('after', 'it is not the id of a deployment');
    const after_ms = await this.position(question, DEPLOYMENT_POSITION, 'deployment');
    const rows = await this.askProduct(question, deploymentsStatement(question.page, after_ms));
    return pageOf(rows.map(readDeployment), limit, ({ id }) => id);
  }

  /** Where the page begins, as a time; undefined for the first page. Throws `parameter_invalid` when there is nothing to begin behind. */
  private async position(question: Question, sql: string, what: string): Promise<number | undefined> {
    const { after } = question.page;
    if (after === undefined) return undefined;
    const [row] = await this.ask(question, { sql, parameters: { after } });
    if (row === undefined) throw invalidParameter('after', `this product has no such ${what}`);
    return readNumber(row, 'position_ms');
  }

  /** Asks about a product. Throws `product_unknown` when there is nothing to tell because there is no such product. */
  private async askProduct(question: Question, statement: Pick<Query, 'sql' | 'parameters'>): Promise<readonly Row[]> {
    const rows = await this.ask(question, statement);
    if (rows.length > 0) return rows;
    const found = await this.ask(question, { sql: PRODUCT_EXISTS, parameters: {} });
    if (found.length === 0) throw new OperatingError('product_unknown', { product_name: question.product_name });
    return rows;
  }

  private ask({ tenant, product_name, signal }: Question, { sql, parameters }: Pick<Query, 'sql' | 'parameters'>): Promise<readonly Row[]> {
    const { organization_id } = tenant;
    return this.query.rows({ sql, parameters: { organization_id, product_name, ...parameters }, signal });
  }
}
