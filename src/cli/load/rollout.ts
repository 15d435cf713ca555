/**
 * How releases go out to one channel, and what each device makes of each.
 *
 * A release reaches the channel's devices one after the other, in an order of its own. A bad one is stopped on the way, and
 * every device that still runs it is told to roll back. Then the next one starts; nothing is kept per device: what becomes
 * of a device on a release is a function of the two, so the recall knows whom the release hit.
 */
import {
  APPLY_QUICK,
  APPLY_SLOW,
  CRASH_FIRST,
  CRASH_SECOND,
  DOWNLOAD_QUICK,
  DOWNLOAD_SLOW,
  type EventShape,
  ROLLBACK_KILL_SWITCH,
  ROLLBACK_TWO_CRASH,
} from './event_template.ts';
import type { Channel, Fleet } from './fleet.ts';
import { drawHealth, Release } from './release.ts';
import { SeededRandom, scramble } from './seeded_random.ts';

/** The events of one device on one release, oldest first. */
export interface Lifecycle {
  readonly release: Release;
  /** Identity of the device, 32 bits. */
  readonly device: number;
  readonly events: readonly LifecycleEvent[];
}

/** An event of a lifecycle; now and then the slow variant of it happens instead. */
export interface LifecycleEvent {
  readonly usual: EventShape;
  readonly slow: EventShape;
}

const DOWNLOAD: LifecycleEvent = { usual: DOWNLOAD_QUICK, slow: DOWNLOAD_SLOW };
const APPLY: LifecycleEvent = { usual: APPLY_QUICK, slow: APPLY_SLOW };
const CRASH: LifecycleEvent = { usual: CRASH_FIRST, slow: CRASH_FIRST };
const CRASH_AGAIN: LifecycleEvent = { usual: CRASH_SECOND, slow: CRASH_SECOND };
const TWO_CRASH_RULE: LifecycleEvent = { usual: ROLLBACK_TWO_CRASH, slow: ROLLBACK_TWO_CRASH };
const KILL_SWITCH: LifecycleEvent = { usual: ROLLBACK_KILL_SWITCH, slow: ROLLBACK_KILL_SWITCH };

/** The user never starts the app again, so that the download is never applied. */
const ABANDONED = [DOWNLOAD];
const INSTALLED = [DOWNLOAD, APPLY];
const CRASHED_ONCE = [DOWNLOAD, APPLY, CRASH];
const REVERTED = [DOWNLOAD, APPLY, CRASH, CRASH_AGAIN, TWO_CRASH_RULE];
const RECALLED = [KILL_SWITCH];

const ABANDONED_SHARE = 0.04;
const REVERTED_SHARE_OF_CRASHED = 0.7;

export class Rollout {
  private readonly fleet: Fleet;
  private readonly channel: Channel;
  private readonly random: SeededRandom;
  private release: Release;
  private release_number = 0;
  private prev_label: string;
  private recalling = false;
  /** The order: from `start` on in steps of `stride`, which has no factor in common with the number of devices. */
  private start = 0;
  private stride = 1;
  private position = 0;
  private served = 0;
  private devices_to_serve = 0;

  constructor(fleet: Fleet, channel: Channel) {
    this.fleet = fleet;
    this.channel = channel;
    this.random = new SeededRandom(fleet.identity * 16 + channel.index);
    this.prev_label = channel.app_version;
    this.release = this.startRelease();
  }

  /** What the next device does. Never ends. */
  next(): Lifecycle {
    for (;;) {
      if (this.served === this.devices_to_serve) this.turn();
      const device = this.nextDevice();
      const events = outcome(this.release, device);
      if (!this.recalling) return { release: this.release, device, events };
      if (events === INSTALLED) return { release: this.release, device, events: RECALLED };
    }
  }

  /** All of this phase's devices were served: recall a bad release, or go on to the next one. */
  private turn(): void {
    if (this.release.health.reach < 1 && !this.recalling) {
      this.recalling = true;
      this.served = 0;
      this.position = this.start;
      return;
    }
    if (!this.recalling) this.prev_label = this.release.bundle_label;
    this.release = this.startRelease();
  }

  private startRelease(): Release {
    const { devices } = this.channel;
    this.release_number += 1;
    const health = drawHealth(this.random);
    this.recalling = false;
    this.start = this.random.below(devices);
    this.stride = 1 + this.random.below(devices);
    while (greatestCommonDivisor(this.stride, devices) !== 1) this.stride += 1;
    this.position = this.start;
    this.served = 0;
    this.devices_to_serve = Math.max(1, Math.floor(health.reach * devices));
    return new Release(this.fleet, this.channel, this.release_number, this.prev_label, health);
  }

  private nextDevice(): number {
    const number = this.channel.first_device + this.position;
    this.position = (this.position + this.stride) % this.channel.devices;
    this.served += 1;
    return scramble(number ^ this.fleet.identity);
  }
}

/** What becomes of a device on a release: always the same for the same two. */
function outcome(release: Release, device: number): readonly LifecycleEvent[] {
  const luck = scramble(device ^ release.identity) / 2 ** 32;
  if (luck < ABANDONED_SHARE) return ABANDONED;
  const crashed_until = ABANDONED_SHARE + (1 - ABANDONED_SHARE) * release.health.crash_rate;
  if (luck >= crashed_until) return INSTALLED;
  return luck - ABANDONED_SHARE < REVERTED_SHARE_OF_CRASHED * (crashed_until - ABANDONED_SHARE) ? REVERTED : CRASHED_ONCE;
}

function greatestCommonDivisor(left: number, right: number): number {
  let [larger, smaller] = [left, right];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
