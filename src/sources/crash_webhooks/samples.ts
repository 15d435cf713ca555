/** Webhooks with what becomes of them: everything that is an event is accepted. The documented examples are in the tests. */
import type { Sample } from '../../contract/source.ts';

const APP = { key: 'IOS', name: 'iOS application', url: 'https://crashes.example.com/#/apps/IOS' };
const ISSUE = { key: 'IOS-123', summary: 'Something went wrong', type: 'crash', state: 'open', labels: [], severity: 'blocker' };

function sample(name: string, webhook: Readonly<Record<string, unknown>>): Sample {
  return { name, body: JSON.stringify({ id: '4fhs63jd', created_on: '2026-01-16T08:18:25.411Z', ...webhook }), accepted: 1, rejected: 0 };
}

export const SAMPLES: readonly Sample[] = [
  sample('an issue that was created', { type: 'issue.created', payload: { app: APP, issue: ISSUE } }),
  sample('a webhook that breaks its schema', { type: 'issue.closed', payload: { app: APP, issue: { ...ISSUE, severity: 'awful' } } }),
  sample('a webhook of a type that nobody knows', { type: 'issue.merged', payload: { app: APP, issue: ISSUE } }),
  sample('a webhook without anything in it', { type: '', id: '', created_on: null }),
];
