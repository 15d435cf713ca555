/**
 * The meters of all keys that have a limit: as many as there are such keys, however many requests come. They follow the key file
 * and the configuration; a key whose limits change keeps its debt and its count of today.
 */
import { KEY_LIMIT_NAMES, type KeyLimits } from '../../contract/rate.ts';
import { dayOf, KeyMeter, type MeterPorts } from './key_meter.ts';
import type { KeyRecord } from './key_record.ts';
import { LIMITED_USES } from './key_rules.ts';

/** What the keys have sent in a day of UTC, for the next start. */
export interface DayCounts {
  /** Days since the epoch. */
  readonly day: number;
  /** By key_id. */
  readonly events: Readonly<Record<string, number>>;
}

export class KeyMeters {
  private meters: ReadonlyMap<string, KeyMeter> = new Map();
  private records: readonly KeyRecord[] = [];
  private restored: DayCounts | undefined;

  /** @param defaults for keys without limits of their own */
  constructor(
    private readonly ports: MeterPorts,
    private defaults: KeyLimits,
  ) {}

  /** The meter of a key; undefined when it has no limit. */
  of(key_id: string): KeyMeter | undefined {
    return this.meters.get(key_id);
  }

  /** Follows the key file. */
  replace(records: readonly KeyRecord[]): void {
    this.records = records;
    this.rebuild();
  }

  setDefaults(defaults: KeyLimits): void {
    this.defaults = defaults;
    this.rebuild();
  }

  /** Goes on from what an earlier run counted. To be called before the first keys come. */
  restore(counts: DayCounts): void {
    this.restored = counts;
  }

  counts(): DayCounts {
    const day = dayOf(this.ports.clock.nowMs());
    const events = [...this.meters].map(([key_id, meter]) => [key_id, meter.eventsOf(day)] as const).filter(([, count]) => count > 0);
    return { day, events: Object.fromEntries(events) };
  }

  private rebuild(): void {
    const meters = new Map<string, KeyMeter>();
    for (const { id, use, revoked_at, limits: own } of this.records) {
      const limits = { ...this.defaults, ...own };
      if (revoked_at !== null || !LIMITED_USES.has(use) || !isLimited(limits)) continue;
      const known = this.meters.get(id);
      known?.setLimits(limits);
      meters.set(id, known ?? new KeyMeter(this.ports, limits, this.countedBefore(id)));
    }
    this.meters = meters;
  }

  private countedBefore(key_id: string): { day: number; events: number } {
    const day = dayOf(this.ports.clock.nowMs());
    const { restored } = this;
    return { day, events: restored?.day === day ? (restored.events[key_id] ?? 0) : 0 };
  }
}

function isLimited(limits: KeyLimits): boolean {
  return KEY_LIMIT_NAMES.some((name) => name !== 'burst_seconds' && limits[name] > 0);
}
