/**
 * API keys as they are kept: who a secret belongs to and what it may do. Of the secret itself only its SHA-256 is stored.
 *
 * The file `keys.json` is `{"version":1,"keys":[…]}`, one record per key in order of creation. Revoked keys stay, so that a
 * key_id met in a log can always be explained.
 */
import { hash } from 'node:crypto';
import { judgeOf } from '../../base/schema.ts';
import type { KeyLimits } from '../../contract/rate.ts';
import { KEY_USES, type KeyUse } from '../../contract/tenant.ts';

export const KEY_ENVIRONMENTS = ['live', 'test'] as const;
export type KeyEnvironment = (typeof KEY_ENVIRONMENTS)[number];

export interface KeyRecord {
  readonly id: string;
  /** What people call it; may be empty. */
  readonly name: string;
  readonly use: KeyUse;
  readonly organization_id: string;
  /** Empty where the key does not know. */
  readonly project_id: string;
  /** Empty where the key does not know. */
  readonly environment: KeyEnvironment | '';
  /** Of the secret's UTF-8 bytes, in lower-case hexadecimal. */
  readonly sha256: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
  /** Limits of its own, in place of the configuration's; absent ones are as configured. */
  readonly limits?: Partial<KeyLimits>;
}

interface KeyFileContent {
  readonly version: 1;
  readonly keys: readonly KeyRecord[];
}

const TEXT = { type: 'string' };
const COUNT = { type: 'integer', minimum: 0 };
export const KEY_FILE_SCHEMA = {
  type: 'object',
  required: ['version', 'keys'],
  additionalProperties: false,
  properties: {
    version: { const: 1 },
    keys: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'name', 'use', 'organization_id', 'project_id', 'environment', 'sha256', 'created_at', 'revoked_at'],
        additionalProperties: false,
        properties: {
          id: { type: 'string', minLength: 1 },
          name: TEXT,
          use: { enum: KEY_USES },
          organization_id: { type: 'string', minLength: 1 },
          project_id: TEXT,
          environment: { enum: [...KEY_ENVIRONMENTS, ''] },
          sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          created_at: TEXT,
          revoked_at: { type: ['string', 'null'] },
          limits: {
            type: 'object',
            additionalProperties: false,
            properties: {
              events_per_second: COUNT,
              bytes_per_second: COUNT,
              burst_seconds: { type: 'integer', minimum: 1 },
              events_per_day: COUNT,
            },
          },
        },
      },
    },
  },
};

const is_key_file_content = judgeOf<KeyFileContent>(KEY_FILE_SCHEMA);

/** Reads the text of `keys.json`; throws an Error that says what is wrong with it. */
export function parseKeyFile(text: string): readonly KeyRecord[] {
  const content: unknown = JSON.parse(text);
  if (is_key_file_content(content)) return content.keys;
  const violation = is_key_file_content.errors?.[0];
  throw new Error(`${violation?.instancePath || 'the file'} ${violation?.message}`);
}

export function formatKeyFile(keys: readonly KeyRecord[]): string {
  return `${JSON.stringify({ version: 1, keys } satisfies KeyFileContent, null, 2)}\n`;
}

export function secretDigest(secret: string): string {
  return hash('sha256', secret, 'hex');
}
