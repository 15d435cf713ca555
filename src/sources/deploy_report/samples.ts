/** Bodies with their counts: the documented example, one of each event type, and each way in which an event is dropped. */
import type { Sample } from '../../contract/source.ts';

const EVENT = { event_type: 'apply_success', release_id: 'rel_xyz789', distinct_id: 'device_abc' };

function sample(name: string, events: readonly unknown[], accepted: number): Sample {
  return { name, body: JSON.stringify({ events }), accepted, rejected: events.length - accepted };
}

export const SAMPLES: readonly Sample[] = [
  sample(
    'the documented example',
    [
      {
        ...EVENT,
        app_version: '1.2.0',
        bundle_label: '1.2.0-rc.1',
        platform: 'ios',
        os_version: '17.4',
        device_model: 'iPhone15,2',
        metadata: '{"prev_label":"1.2.0","first_render_ms":820}',
      },
    ],
    1,
  ),
  sample(
    'one of each event type',
    [
      { ...EVENT, event_type: 'download_complete', metadata: '{"download_ms":8200,"retried":false}' },
      { ...EVENT, event_type: 'apply_success' },
      { ...EVENT, event_type: 'rollback', metadata: { reason: 'kill_switch', forced: true } },
      { ...EVENT, event_type: 'crash_on_update', metadata: '{"stack_trace":"at main\\nat start","first_render_ms":null}' },
    ],
    4,
  ),
  sample('no events', [], 0),
  sample(
    'events that are dropped beside one that is not',
    [
      EVENT,
      { ...EVENT, event_type: 'uninstall' },
      { ...EVENT, release_id: '' },
      { ...EVENT, release_id: undefined },
      { ...EVENT, distinct_id: 'd'.repeat(257) },
      { ...EVENT, platform: 7 },
      'text',
      null,
      [EVENT],
    ],
    1,
  ),
  sample(
    'metadata that is no JSON object',
    [
      { ...EVENT, metadata: 'not json' },
      { ...EVENT, metadata: [1] },
      { ...EVENT, metadata: 7 },
    ],
    3,
  ),
];
