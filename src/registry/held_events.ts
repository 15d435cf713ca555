/**
 * The events that stand, or may stand, in a registry in this instance's name: who is being decided, who was admitted, and what must still be written of
 * those that are settled. What stands there and is not known here is left over from a request that failed, and may be released.
 *
 * Bounded by the requests in flight and by those settled since the last commit.
 */
import { assert } from '../base/assert.ts';

type State = 'claiming' | 'admitted' | 'stored';

interface Held {
  readonly table: string;
  state: State;
  is_held: boolean;
}

/** Waits until all events that it began with are confirmed. */
interface Flush {
  readonly event_ids: Set<string>;
  readonly resolve: () => void;
}

export class HeldEvents {
  private readonly events = new Map<string, Held>();
  private to_confirm = new Set<string>();
  private to_release = new Set<string>();
  private flushes: Flush[] = [];

  /** How many settled events are not written yet. */
  get unwritten(): number {
    return this.to_confirm.size + this.to_release.size;
  }

  get releases(): number {
    return this.to_release.size;
  }

  isKnown(event_id: string): boolean {
    return this.events.has(event_id);
  }

  /** It is durable, and the registry does not say so yet. */
  isStored(event_id: string): boolean {
    return this.events.get(event_id)?.state === 'stored';
  }

  claiming(event_id: string, table: string): void {
    this.events.set(event_id, { table, state: 'claiming', is_held: false });
  }

  /** It has what it claims; `is_held`: something stands in its name until it is settled. */
  admitted(event_id: string, is_held: boolean): void {
    const held = this.events.get(event_id);
    assert(held?.state === 'claiming', 'BUG: an event is admitted that was not claiming');
    held.state = 'admitted';
    held.is_held = is_held;
  }

  /** It was refused, or must ask again: nothing stands in its name, or what does is left over. */
  forget(event_id: string): void {
    this.events.delete(event_id);
  }

  settle(event_id: string, stored: boolean): void {
    const held = this.events.get(event_id);
    assert(held?.state === 'admitted', 'BUG: an event is settled that was not admitted');
    if (!held.is_held) {
      this.events.delete(event_id);
      return;
    }
    if (stored) {
      held.state = 'stored';
      this.to_confirm.add(event_id);
    } else {
      this.events.delete(event_id);
      this.to_release.add(event_id);
    }
  }

  /** What stands in the registry for an event that is not known here. */
  leftOver(event_id: string): void {
    if (!this.events.has(event_id)) this.to_release.add(event_id);
  }

  /** What the next commit must write; `written` follows when it has. */
  unwrittenEvents(): { confirm: readonly string[]; release: readonly string[] } {
    return { confirm: [...this.to_confirm], release: [...this.to_release] };
  }

  written({ confirm, release }: { confirm: readonly string[]; release: readonly string[] }): void {
    for (const event_id of release) this.to_release.delete(event_id);
    for (const event_id of confirm) {
      this.to_confirm.delete(event_id);
      this.events.delete(event_id);
    }
    this.flushes = this.flushes.filter((flush) => {
      for (const event_id of confirm) flush.event_ids.delete(event_id);
      if (flush.event_ids.size === 0) flush.resolve();
      return flush.event_ids.size > 0;
    });
  }

  /** Resolves when every event of `table` that is stored by now is confirmed; undefined if all are. */
  flush(table: string): Promise<void> | undefined {
    const event_ids = new Set([...this.to_confirm].filter((event_id) => this.events.get(event_id)?.table === table));
    if (event_ids.size === 0) return undefined;
    return new Promise((resolve) => this.flushes.push({ event_ids, resolve }));
  }
}
