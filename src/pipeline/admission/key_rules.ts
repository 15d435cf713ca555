/** What a key may be: the shape of names and secrets, and what a secret's prefix says about its owner. */
import { OperatingError } from '../../contract/errors.ts';
import type { KeyLimits } from '../../contract/rate.ts';
import type { KeyUse } from '../../contract/tenant.ts';
import type { KeyEnvironment } from './key_record.ts';

/** Longer ones are refused without a look; far more than any secret needs, and little to hash. */
export const SECRET_CHARACTERS_MAX = 256;
const SECRET_CHARACTERS_MIN = 8;
const RANDOM_BYTES = 24;
const NAME_CHARACTERS_MAX = 200;

/** What limits can be set for: a reader brings no events, and the sender of webhooks gives up when it is refused. */
export const LIMITED_USES: ReadonlySet<KeyUse> = new Set<KeyUse>(['deploy', 'events']);

const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** What an HTTP header and a URL's query carry unchanged. */
const SECRET = /^[A-Za-z0-9._~+/=-]+$/;

/** A key to be made. */
export interface KeyRequest {
  readonly use: KeyUse;
  readonly organization_id: string;
  readonly project_id?: string | undefined;
  /** Without one: of `deploy` and `read` keys `live` (or what an existing secret's prefix says), of others none. */
  readonly environment?: KeyEnvironment | undefined;
  readonly name?: string | undefined;
  /** A secret that clients already carry; without one a new one is drawn. */
  readonly secret?: string | undefined;
  /** Limits of its own. */
  readonly limits?: Partial<KeyLimits> | undefined;
}

/** What a key's record says of its owner. */
export interface KeyOwner {
  readonly use: KeyUse;
  readonly organization_id: string;
  readonly project_id: string;
  readonly environment: KeyEnvironment | '';
  readonly name: string;
}

/** Checks a request and fills in its defaults. Throws `key_refused`. */
export function resolveOwner(request: KeyRequest): KeyOwner {
  const { use, organization_id, project_id = '', name = '', secret } = request;
  if (!IDENTIFIER.test(organization_id)) throw refusedIdentifier('organization', organization_id);
  if (project_id !== '' && !IDENTIFIER.test(project_id)) throw refusedIdentifier('project', project_id);
  if (name.length > NAME_CHARACTERS_MAX) throw refused(`its name is longer than ${NAME_CHARACTERS_MAX} characters`);
  if (!LIMITED_USES.has(use) && Object.keys(request.limits ?? {}).length > 0) throw refused(`keys for ${use} have no limits`);
  const owner: KeyOwner = { use, organization_id, project_id, environment: request.environment ?? defaultEnvironment(use, secret), name };
  if (secret !== undefined) checkSecret(secret, owner);
  return owner;
}

/** A new secret that nobody can guess, with the prefix that tells people what it is. */
export function drawSecret(owner: KeyOwner, random_bytes: (count: number) => Uint8Array): string {
  return secretPrefix(owner) + Buffer.from(random_bytes(RANDOM_BYTES)).toString('hex');
}

function secretPrefix({ use, organization_id, environment }: KeyOwner): string {
  switch (use) {
    case 'deploy':
      return environment === 'test' ? 'sk_test_' : 'sk_live_';
    case 'events':
      return `sk_${organization_id}_k1_`;
    case 'webhook':
      return 'whk_';
    case 'read':
      return 'rk_';
  }
}

function defaultEnvironment(use: KeyUse, secret: string | undefined): KeyEnvironment | '' {
  if (use === 'deploy' && secret?.startsWith('sk_test_')) return 'test';
  return use === 'deploy' || use === 'read' ? 'live' : '';
}

function checkSecret(secret: string, owner: KeyOwner): void {
  const length = secret.length;
  if (length < SECRET_CHARACTERS_MIN || length > SECRET_CHARACTERS_MAX) {
    throw refused(`a secret has ${SECRET_CHARACTERS_MIN} to ${SECRET_CHARACTERS_MAX} characters, this one ${length}`);
  }
  if (!SECRET.test(secret)) throw refused('a secret has only letters, digits and . _ ~ + / = -');
  const claims = prefixClaims(secret);
  if (claims.length > 0 && !claims.some((claim) => agrees(claim, owner))) {
    throw refused(`its prefix is that of ${claims.map(describeClaim).join(' or of ')}, which contradicts ${describeClaim(owner)}`);
  }
}

type Claim = Partial<Pick<KeyOwner, 'use' | 'organization_id' | 'environment'>>;

/** Everything that a prefix can be read as: `sk_live_k1_…` is a deploy key's, and an events key's of organization `live`. */
function prefixClaims(secret: string): Claim[] {
  const claims: Claim[] = [];
  if (secret.startsWith('sk_live_')) claims.push({ use: 'deploy', environment: 'live' });
  if (secret.startsWith('sk_test_')) claims.push({ use: 'deploy', environment: 'test' });
  if (secret.startsWith('whk_')) claims.push({ use: 'webhook' });
  if (secret.startsWith('rk_')) claims.push({ use: 'read' });
  const organization_id = /^sk_(.+?)_k1_/.exec(secret)?.[1];
  if (organization_id !== undefined) claims.push({ use: 'events', organization_id });
  return claims;
}

function agrees(claim: Claim, owner: KeyOwner): boolean {
  return (
    claim.use === owner.use &&
    (claim.organization_id ?? owner.organization_id) === owner.organization_id &&
    (claim.environment ?? owner.environment) === owner.environment
  );
}

function describeClaim({ use, organization_id, environment }: Claim): string {
  const kind = `${use === 'events' ? 'an' : 'a'} ${use} key`;
  if (use === 'events') return `${kind} of organization ${organization_id}`;
  return use === 'deploy' ? `${kind} for ${environment}` : kind;
}

function refusedIdentifier(what: string, value: string): OperatingError {
  return refused(`the ${what} ${JSON.stringify(value)} is not 1 to 64 letters, digits and _ . - beginning with a letter or digit`);
}

function refused(problem: string): OperatingError {
  return new OperatingError('key_refused', { problem });
}
