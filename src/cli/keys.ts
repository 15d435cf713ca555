/** `keys create|list|revoke`: the API keys of a data directory. A running daemon honours a change within two seconds. */
import { KEY_LIMIT_BOUNDS, KEY_LIMIT_NAMES, type KeyLimits } from '../contract/rate.ts';
import { KEY_USES } from '../contract/tenant.ts';
import { KEY_ENVIRONMENTS, type KeyRecord } from '../pipeline/admission/key_record.ts';
import { KeyStore } from '../pipeline/admission/keys.ts';
import { NodeKeyFile } from '../pipeline/admission/node_key_file.ts';
import { type Command, type CommandContext, type CommandGroup, JSON_OPTION } from './command.ts';
import type { OptionValues } from './option_values.ts';

const CREATE_COMMAND: Command = {
  name: 'create',
  summary: 'Create an API key and print its secret, which is shown only now',
  options: [
    { name: 'use', value: KEY_USES.join('|'), summary: 'Allow this and nothing else (required)' },
    { name: 'organization', value: 'O', summary: 'Give its events to organization O (required)' },
    { name: 'project', value: 'P', summary: 'Give its events to project P' },
    { name: 'environment', value: KEY_ENVIRONMENTS.join('|'), summary: 'Give its events to an environment (deploy and read: live)' },
    { name: 'name', value: 'N', summary: 'Remember it by a name' },
    { name: 'key', value: 'EXISTING_SECRET', summary: 'Register a secret that clients already carry' },
    { name: 'events-per-second', value: 'N', summary: 'Limit it to so many events a second, 0 for no limit (limits.events_per_second)' },
    { name: 'bytes-per-second', value: 'N', summary: 'Limit it to so many bytes a second, 0 for no limit (limits.bytes_per_second)' },
    { name: 'burst-seconds', value: 'S', summary: "Let it send S seconds' worth at once (limits.burst_seconds)" },
    { name: 'events-per-day', value: 'N', summary: 'Limit it to so many events a day (UTC), 0 for no limit (limits.events_per_day)' },
    JSON_OPTION,
  ],
  examples: ['keys create --use deploy --organization org_acme --project proj_app --environment test --json'],
  run: createKey,
};

const LIST_COMMAND: Command = {
  name: 'list',
  summary: 'List all API keys, without their secrets, which are not stored',
  options: [JSON_OPTION],
  run: listKeys,
};

const REVOKE_COMMAND: Command = {
  name: 'revoke',
  summary: 'Revoke an API key for good, by the id that list shows',
  operands: ['ID'],
  options: [JSON_OPTION],
  examples: ['keys revoke key_0123456789abcdef'],
  run: revokeKey,
};

export const KEYS_COMMANDS: CommandGroup = {
  name: 'keys',
  summary: 'Manage the API keys',
  commands: [CREATE_COMMAND, LIST_COMMAND, REVOKE_COMMAND],
};

async function createKey(context: CommandContext): Promise<number> {
  const { options, stdout } = context;
  const use = options.choice('use', KEY_USES) ?? options.missing('use');
  const store = await openStore(context);
  const { secret, record } = await store.create({
    use,
    organization_id: options.requiredText('organization'),
    project_id: options.text('project'),
    environment: options.choice('environment', KEY_ENVIRONMENTS),
    name: options.text('name'),
    secret: options.text('key'),
    limits: limitsGiven(options),
  });
  if (options.flag('json')) {
    const { id, ...rest } = publicView(record);
    stdout.write(`${JSON.stringify({ id, key: secret, ...rest })}\n`);
  } else {
    stdout.write(`${secret}\nThis is key ${record.id}. Keep it: only its SHA-256 is stored, and it is not shown again.\n`);
  }
  return 0;
}

/** The limits that the command line names; the others stay as configured. */
function limitsGiven(options: OptionValues): Partial<KeyLimits> {
  const limits: { -readonly [Name in keyof KeyLimits]?: number } = {};
  for (const name of KEY_LIMIT_NAMES) {
    const option = name.replaceAll('_', '-');
    if (options.text(option) !== undefined) limits[name] = options.integer(option, 0, KEY_LIMIT_BOUNDS[name]);
  }
  return limits;
}

async function listKeys(context: CommandContext): Promise<number> {
  const keys = await (await openStore(context)).list();
  if (context.options.flag('json')) context.stdout.write(`${JSON.stringify(keys.map(publicView))}\n`);
  else context.stdout.write(keys.length === 0 ? 'There are no keys.\n' : describeKeys(keys));
  return 0;
}

async function revokeKey(context: CommandContext): Promise<number> {
  const record = await (await openStore(context)).revoke(context.operands[0] ?? '');
  const text = context.options.flag('json')
    ? JSON.stringify(publicView(record))
    : `Key ${record.id} is revoked since ${record.revoked_at}.`;
  context.stdout.write(`${text}\n`);
  return 0;
}

async function openStore({ loadConfig, clock, randomBytes }: CommandContext): Promise<KeyStore> {
  const { config } = await loadConfig();
  return new KeyStore({ file: new NodeKeyFile(config.data_dir, clock), clock, randomBytes });
}

/** A record under the names of the command line's own options, without the digest. */
function publicView({ id, use, organization_id, project_id, environment, name, created_at, revoked_at, limits }: KeyRecord) {
  return { id, use, organization: organization_id, project: project_id, environment, name, created_at, revoked_at, limits };
}

function describeKeys(keys: readonly KeyRecord[]): string {
  const header = ['ID', 'USE', 'ORGANIZATION', 'PROJECT', 'ENVIRONMENT', 'CREATED', 'REVOKED', 'LIMITS', 'NAME'];
  const cells = keys.map((key) => [
    key.id,
    key.use,
    key.organization_id,
    key.project_id || '-',
    key.environment || '-',
    key.created_at.slice(0, 19),
    key.revoked_at?.slice(0, 19) ?? '-',
    describeLimits(key.limits),
    key.name,
  ]);
  const rows = [header, ...cells];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** `events_per_second=100,burst_seconds=5`; `-` where all are as configured. */
function describeLimits(limits: Partial<KeyLimits> = {}): string {
  return (
    Object.entries(limits)
      .map(([name, value]) => `${name}=${value}`)
      .join(',') || '-'
  );
}
