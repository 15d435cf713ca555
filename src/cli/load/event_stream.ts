/**
 * All events of a fleet as one endless sequence: a function of seed and number of devices, however it is cut into batches.
 *
 * Many devices are on their way at once, each in its own lifecycle; every event is the next step of one that is drawn. No two
 * events have the same bytes: a device meets a release once, and each step of that once.
 */
import { assert } from '../../base/assert.ts';
import { createFleet } from './fleet.ts';
import { type Lifecycle, Rollout } from './rollout.ts';
import { SeededRandom } from './seeded_random.ts';

/** Devices on their way at once, at most: all the memory that a fleet of any size takes. */
const DEVICES_ACTIVE_MAX = 256;
const ACTIVE_SHARE = 0.25;
const SLOW_SHARE = 0.15;

/** A place for one device that is on its way. */
interface Slot {
  readonly rollout: Rollout;
  lifecycle: Lifecycle;
  step: number;
}

export class EventStream {
  private readonly random: SeededRandom;
  private readonly slots: readonly Slot[];

  /** @param devices how many different devices there are, at least 1 */
  constructor(seed: number, devices: number) {
    assert(Number.isSafeInteger(devices) && devices >= 1, 'BUG: a fleet has at least one device');
    this.random = new SeededRandom(seed);
    const fleet = createFleet(seed, devices);
    const active = Math.min(DEVICES_ACTIVE_MAX, devices * ACTIVE_SHARE);
    this.slots = fleet.channels.flatMap((channel) => {
      const rollout = new Rollout(fleet, channel);
      const length = Math.max(1, Math.floor((active * channel.devices) / devices));
      return Array.from({ length }, () => ({ rollout, lifecycle: rollout.next(), step: 0 }));
    });
  }

  /** Writes the next event as JSON at `offset` and returns the offset after it; `into` has EVENT_BYTES_MAX bytes of room. */
  write(into: Uint8Array, offset: number): number {
    const { random } = this;
    const slot = this.slots[random.below(this.slots.length)];
    const event = slot.lifecycle.events[slot.step];
    const { device, release } = slot.lifecycle;
    const kind = random.fraction() < SLOW_SHARE ? event.slow : event.usual;
    const end = release.template(kind, device).write(into, offset, device, random);
    slot.step += 1;
    if (slot.step === slot.lifecycle.events.length) {
      slot.lifecycle = slot.rollout.next();
      slot.step = 0;
    }
    return end;
  }
}
