/** Every implementation of `VersionClaims`, for the contract that they share. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VersionClaims } from '../../src/contract/version_claims.ts';
import { LmdbClaims } from '../../src/registry/lmdb/lmdb_claims.ts';
import { PostgresClaims } from '../../src/registry/postgres/postgres_claims.ts';
import type { Owner } from './daemon.ts';
import { MemoryClaims } from './memory_claims.ts';
import { PostgresServer, postgresPrograms } from './postgres.ts';

/** One registry, as two daemons see it: where it cannot be shared, both are the same. */
export interface ClaimStores {
  readonly first: VersionClaims;
  readonly second: VersionClaims;
  /** The first daemon ends and starts again. */
  reopenFirst(): Promise<VersionClaims>;
}

export interface StoreKind {
  readonly name: string;
  readonly needs_postgres: boolean;
  create(owner: Owner): Promise<ClaimStores>;
}

export const STORE_KINDS: readonly StoreKind[] = [
  { name: 'in memory', needs_postgres: false, create: async () => sameFor(new MemoryClaims()) },
  { name: 'in LMDB', needs_postgres: false, create: createLmdb },
  { name: 'in PostgreSQL', needs_postgres: true, create: createPostgres },
];

function sameFor(store: VersionClaims): ClaimStores {
  return { first: store, second: store, reopenFirst: async () => store };
}

async function createLmdb(owner: Owner): Promise<ClaimStores> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-lmdb-'));
  let store = new LmdbClaims(directory);
  await store.open();
  owner.after(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  const reopen_first = async (): Promise<VersionClaims> => {
    await store.close();
    store = new LmdbClaims(directory);
    await store.open();
    return store;
  };
  return { first: store, second: store, reopenFirst: reopen_first };
}

async function createPostgres(owner: Owner): Promise<ClaimStores> {
  const postgres = await PostgresServer.create(owner, postgresPrograms() ?? '');
  const stores: PostgresClaims[] = [];
  const open = async (instance_id: string): Promise<VersionClaims> => {
    const store = new PostgresClaims(postgres.url, { instance_id });
    stores.push(store);
    await store.open();
    return store;
  };
  // Behind what `create` had taken down: owners undo in the order in which they were told.
  const first_id = randomUUID();
  const [first, second] = await Promise.all([open(first_id), open(randomUUID())]);
  owner.after(async () => {
    await Promise.all(stores.map((store) => store.close()));
  });
  return { first, second, reopenFirst: () => open(first_id) };
}
