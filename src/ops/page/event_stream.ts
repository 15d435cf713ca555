/**
 * Server-sent events for the page: on opening the history and the state, then a look every second, and the problems when they change.
 *
 * Viewers are few, and none is waited for: who does not take what is sent is cut off, and the page connects again by itself.
 */
import type { AdminPage, AdminStream, Viewer } from '../admin_server.ts';
import type { ProblemRing } from './problem_ring.ts';
import type { Sampler } from './sampler.ts';

export const VIEWERS_MAX = 16;
/** More than the history takes, and than a socket holds back in a few seconds. */
export const UNREAD_BYTES_MAX = 2 ** 20;

const CONTENT_TYPE = 'text/event-stream';

export class EventStream {
  private readonly viewers = new Set<Viewer>();

  constructor(
    private readonly sampler: Sampler,
    private readonly problems: ProblemRing,
  ) {
    sampler.listen((look) => this.send('look', look));
    problems.listen(() => this.send('problems', problems.list()));
  }

  /** The answer of the route. */
  subscribe(): AdminPage | AdminStream {
    if (this.viewers.size >= VIEWERS_MAX) {
      const body = { ok: false, error: 'too_many_viewers', message: `${VIEWERS_MAX} pages are open already. Close one of them.` };
      return { status: 503, content_type: 'application/json', body: JSON.stringify(body) };
    }
    return { content_type: CONTENT_TYPE, open: (viewer) => this.add(viewer) };
  }

  private add(viewer: Viewer): void {
    this.viewers.add(viewer);
    viewer.once('close', () => this.viewers.delete(viewer));
    const state = this.sampler.state() ?? null;
    viewer.write(format('history', { samples: this.sampler.samples(), state }) + format('problems', this.problems.list()));
  }

  private send(name: string, value: unknown): void {
    if (this.viewers.size === 0) return;
    const text = format(name, value);
    for (const viewer of this.viewers) {
      if (viewer.writableLength > UNREAD_BYTES_MAX) this.drop(viewer);
      else viewer.write(text);
    }
  }

  private drop(viewer: Viewer): void {
    this.viewers.delete(viewer);
    viewer.destroy();
  }
}

/** JSON has no line breaks, so that one line of data is enough. */
function format(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
