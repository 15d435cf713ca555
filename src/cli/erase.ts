/** `erase` as the command line knows it; the work is loaded when it is asked for. */
import { type Command, JSON_OPTION } from './command.ts';

export const ERASE_COMMAND: Command = {
  name: 'erase',
  summary: "Delete one device's rows from ClickHouse for good, so that the books stay true",
  description: [
    'It first waits until everything accepted before it is delivered, then writes down per segment how many rows go, then deletes them. Broken off, it is',
    'finished by running it again. Rows that know no project or no environment are taken along. What the device sends afterwards is stored as ever.',
  ].join('\n'),
  options: [
    { name: 'organization', value: 'O', summary: 'Delete in organization O (required)' },
    { name: 'project', value: 'P', summary: 'Delete in project P (required)' },
    { name: 'environment', value: 'E', summary: 'Delete in environment E alone' },
    { name: 'distinct-id', value: 'D', summary: 'Delete the rows of device D (required)' },
    { name: 'dry-run', summary: 'Say how many rows would go, and delete nothing' },
    { name: 'wait', value: 'SECONDS', summary: 'Wait so long for what is still in the spool (default 60)' },
    JSON_OPTION,
  ],
  examples: ['erase --organization org_acme --project proj_app --distinct-id device_42 --dry-run'],
  run: async (context) => (await import('./erase/erase.ts')).runErase(context),
};
