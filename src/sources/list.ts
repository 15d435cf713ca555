/** The one list of sources. Front end, workers, migrations, contract tests and benches loop over it; its order is what slabs carry. */
import type { Source } from '../contract/source.ts';
import { CRASH_WEBHOOKS } from './crash_webhooks/source.ts';
import { DEPLOY_REPORT } from './deploy_report/source.ts';
import { RELEASE_EVENTS } from './release_events/source.ts';

export const SOURCES: readonly Source[] = [DEPLOY_REPORT, RELEASE_EVENTS, CRASH_WEBHOOKS];
