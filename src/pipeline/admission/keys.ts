/**
 * The store of API keys: creates, lists and revokes. The command line and the daemon's first start use it; requests are
 * admitted by the KeyRing, which reads the same file.
 */
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import { KEY_USES } from '../../contract/tenant.ts';
import type { KeyFile } from './key_file.ts';
import { formatKeyFile, type KeyRecord, parseKeyFile, secretDigest } from './key_record.ts';
import { drawSecret, type KeyRequest, resolveOwner } from './key_rules.ts';

/** A key just made: the only moment at which its secret is known. */
export interface CreatedKey {
  readonly secret: string;
  readonly record: KeyRecord;
}

const ID_BYTES = 8;

export class KeyStore {
  private readonly ports: { readonly file: KeyFile; readonly clock: Clock; readonly randomBytes: (count: number) => Uint8Array };

  constructor(ports: KeyStore['ports']) {
    this.ports = ports;
  }

  /** Makes a key durable and returns its secret. Rejects with `key_refused`, `key_exists` and the errors of the file. */
  async create(request: KeyRequest): Promise<CreatedKey> {
    const created = this.draw(request);
    await this.change((keys) => {
      const twin = keys.find((key) => key.sha256 === created.record.sha256);
      if (twin !== undefined) throw new OperatingError('key_exists', { id: twin.id });
      return [...keys, created.record];
    });
    return created;
  }

  /** All keys in order of creation, revoked ones too. */
  async list(): Promise<readonly KeyRecord[]> {
    return this.parse(await this.ports.file.read());
  }

  /** Makes durable that a key no longer counts; to revoke it again changes nothing. Rejects with `key_unknown`. */
  async revoke(id: string): Promise<KeyRecord> {
    const revoked_at = this.now();
    const keys = await this.change((previous) => {
      if (!previous.some((key) => key.id === id)) throw new OperatingError('key_unknown', { id });
      return previous.map((key) => (key.id === id ? { ...key, revoked_at: key.revoked_at ?? revoked_at } : key));
    });
    const revoked = keys.find((key) => key.id === id);
    assert(revoked !== undefined, 'BUG: a revoked key is gone from its file');
    return revoked;
  }

  /**
   * On the first start of all: one key for each use, for organization `org_demo` and project `proj_demo`. Does nothing and
   * returns none when there is a key file already, even one without keys.
   */
  async createFirst(): Promise<readonly CreatedKey[]> {
    const tenant = { organization_id: 'org_demo', project_id: 'proj_demo', environment: 'live', name: 'first start' } as const;
    const created = KEY_USES.map((use) => this.draw({ ...tenant, use }));
    let is_first = false;
    await this.ports.file.update((text) => {
      is_first = text === undefined;
      return is_first ? formatKeyFile(created.map((key) => key.record)) : undefined;
    });
    return is_first ? created : [];
  }

  private draw(request: KeyRequest): CreatedKey {
    const owner = resolveOwner(request);
    const secret = request.secret ?? drawSecret(owner, this.ports.randomBytes);
    const id = `key_${Buffer.from(this.ports.randomBytes(ID_BYTES)).toString('hex')}`;
    const { limits = {} } = request;
    const own_limits = Object.keys(limits).length === 0 ? {} : { limits };
    const record = { id, ...owner, sha256: secretDigest(secret), created_at: this.now(), revoked_at: null, ...own_limits };
    return { secret, record };
  }

  private async change(apply: (keys: readonly KeyRecord[]) => readonly KeyRecord[]): Promise<readonly KeyRecord[]> {
    let keys: readonly KeyRecord[] = [];
    await this.ports.file.update((text) => {
      keys = apply(this.parse(text));
      return formatKeyFile(keys);
    });
    return keys;
  }

  private parse(text: string | undefined): readonly KeyRecord[] {
    try {
      return text === undefined ? [] : parseKeyFile(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OperatingError('keys_unreadable', { path: this.ports.file.path, reason }, { cause: error });
    }
  }

  private now(): string {
    return new Date(this.ports.clock.nowMs()).toISOString();
  }
}
