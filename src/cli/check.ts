/** `check`: says whether a configuration is good, and what it means for memory and disk at the worst. Opens nothing. */
import { type Share, worstCase } from '../config/limits.ts';
import { describeOutlook, diskOutlook } from '../config/outlook.ts';
import { type Command, type CommandContext, JSON_OPTION } from './command.ts';

const MIB = 1024 * 1024;
const RATE_BOUNDS = { min: 0, max: 1e9 };

export const CHECK_COMMAND: Command = {
  name: 'check',
  summary: 'Validate the configuration and say what it costs in memory and on disk at the worst',
  description: 'It opens no port and no data directory, and says nothing about whether ports are free or ClickHouse answers.',
  options: [
    { name: 'rate', value: 'R', summary: 'Say how long the disk lasts, and how long an outage may, at so many events per second' },
    JSON_OPTION,
  ],
  examples: ['check', 'check --rate 1000', 'check --config /etc/penstock.yaml --json'],
  run: check,
};

async function check(context: CommandContext): Promise<number> {
  const { config, origins, warnings } = await context.loadConfig();
  const worst = worstCase(config);
  const rate = context.options.number('rate', 0, RATE_BOUNDS);
  const outlook = rate === 0 ? undefined : diskOutlook(config, rate, await context.freeBytes(config.data_dir));
  if (context.options.flag('json')) {
    // Secrets stay out: what a script prints ends up in logs.
    context.stdout.write(
      `${JSON.stringify({ valid: true, origins, warnings, ...worst, ...(outlook === undefined ? {} : { outlook }) })}\n`,
    );
    return 0;
  }
  for (const warning of warnings) context.stderr.write(`${warning}\n`);
  const { clickhouse, registry, http, admin, spool, data_dir } = config;
  const engine =
    clickhouse.url === 'embedded' ? `the embedded ClickHouse, on 127.0.0.1:${clickhouse.embedded_port}` : 'a ClickHouse server';
  const acknowledgement = spool.ack === 'disk' ? 'safely on disk' : 'in memory: a crash can lose the last moments';
  const lines = [
    'The configuration is valid. It comes from',
    ...origins.map((origin) => `  ${origin}`),
    '',
    `Events are taken on ${http.host}:${http.port}${http.tls.certificate_file === null ? '' : ', over TLS only,'} and delivered to ${engine}.`,
    `They are acknowledged when they are ${acknowledgement}.`,
    `Versions and Idempotency-Keys are registered in ${registry.url === 'embedded' ? 'the embedded registry: for one daemon' : 'a PostgreSQL server, for a fleet'}.`,
    `The operator's listener is ${admin.host}:${admin.port}, ${admin.token === null ? 'without' : 'with'} a token.`,
    `Everything is kept under ${data_dir}.`,
    '',
    ...describeSum('Memory of the daemon at the worst', worst.memory, worst.memory_bytes),
    '',
    ...describeSum('Disk at the worst', worst.disk, worst.disk_bytes),
    ...(clickhouse.url === 'embedded' ? ['  The embedded ClickHouse takes memory and disk of its own, as its tables need.'] : []),
    ...(outlook === undefined ? [] : ['', ...describeOutlook(outlook, config)]),
  ];
  context.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

function describeSum(title: string, shares: readonly Share[], total_bytes: number): string[] {
  const rows = [...shares, { what: 'Together', settings: '', size_bytes: total_bytes }];
  const what_width = Math.max(...rows.map(({ what }) => what.length));
  const sizes = rows.map(({ size_bytes }) => (size_bytes / MIB).toFixed(0));
  const size_width = Math.max('MiB'.length, ...sizes.map((size) => size.length));
  const heading = `${title.padEnd(what_width + 2)}  ${'MiB'.padStart(size_width)}`;
  const body = rows.map(({ what, settings }, row) => `  ${what.padEnd(what_width)}  ${sizes[row]?.padStart(size_width)}  ${settings}`);
  return [heading, ...body.map((line) => line.trimEnd())];
}
