/** A release as a channel sees it: its identity, how healthy it is, and the texts of the events that report it. */
import { EVENT_SHAPES, type EventContext, type EventShape, EventTemplate } from './event_template.ts';
import type { Channel, DeviceProfile, Fleet } from './fleet.ts';
import { type SeededRandom, scramble } from './seeded_random.ts';

export interface ReleaseHealth {
  /** Share of the devices that crash after they applied it. */
  readonly crash_rate: number;
  /** Share of the channel that gets it before its kill switch is thrown; 1: everybody gets it, and it stays. */
  readonly reach: number;
}

const STACK_TRACES = [
  "TypeError: undefined is not an object (evaluating 'cart.items.length')\n    at renderCart (index.bundle:10422:17)\n    at performWork (index.bundle:2210:9)",
  'Invariant Violation: Text strings must be rendered within a <Text> component.\n    at createTextInstance (index.bundle:7718:11)\n    at completeWork (index.bundle:8093:34)',
  'java.lang.NullPointerException: session\n    at com.acme.auth.Session.token(Session.java:88)\n    at com.acme.auth.Login.resume(Login.java:41)',
  'RangeError: Maximum call stack size exceeded\n    at normalize (index.bundle:55120:23)\n    at normalize (index.bundle:55127:14)',
];

/** Most releases are fine, some are shaky, a few are bad enough to be called back. */
export function drawHealth(random: SeededRandom): ReleaseHealth {
  const luck = random.fraction();
  if (luck < 0.75) return { crash_rate: 0.001 + 0.005 * random.fraction(), reach: 1 };
  if (luck < 0.92) return { crash_rate: 0.01 + 0.03 * random.fraction(), reach: 1 };
  return { crash_rate: 0.08 + 0.17 * random.fraction(), reach: 0.1 + 0.3 * random.fraction() };
}

export class Release {
  readonly bundle_label: string;
  /** 32 bits, different for each release of a fleet. */
  readonly identity: number;
  readonly health: ReleaseHealth;
  private readonly profiles: readonly DeviceProfile[];
  private readonly shared: Omit<EventContext, keyof DeviceProfile>;
  /** By shape, then by kind of phone; made at the first use, since a small fleet never needs most of them. */
  private readonly templates: (EventTemplate | undefined)[];

  /** @param number counts the channel's releases from 1 */
  constructor(fleet: Fleet, channel: Channel, number: number, prev_label: string, health: ReleaseHealth) {
    const { app_version, platform, profiles } = channel;
    this.identity = scramble((number * 16 + channel.index) ^ fleet.identity);
    this.bundle_label = `${app_version}-r${number}`;
    this.health = health;
    this.profiles = profiles;
    this.templates = new Array(EVENT_SHAPES.length * profiles.length).fill(undefined);
    this.shared = {
      release_id: `rel_${this.identity.toString(36).padStart(7, '0')}`,
      bundle_label: this.bundle_label,
      prev_label,
      stack_trace: STACK_TRACES[this.identity % STACK_TRACES.length] ?? '',
      device_prefix: fleet.device_prefix,
      app_version,
      platform,
    };
  }

  /** The template for a device's event. */
  template(shape: EventShape, device: number): EventTemplate {
    const kind = device % this.profiles.length;
    const index = shape.index * this.profiles.length + kind;
    const known = this.templates[index];
    if (known !== undefined) return known;
    const made = new EventTemplate(shape, { ...this.shared, ...this.profiles[kind] });
    this.templates[index] = made;
    return made;
  }
}
