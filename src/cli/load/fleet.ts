/** Who is in the fleet: its channels (one platform and app version each, updated on its own) and the phones in them. */
import { scramble } from './seeded_random.ts';

/** A kind of phone: what all its events say of it. */
export interface DeviceProfile {
  readonly device_model: string;
  readonly os_version: string;
}

/** Devices that take the same releases: numbers `first_device` to `first_device + devices - 1` of the fleet. */
export interface Channel {
  readonly index: number;
  readonly platform: string;
  readonly app_version: string;
  readonly profiles: readonly DeviceProfile[];
  readonly first_device: number;
  readonly devices: number;
}

export interface Fleet {
  /** Identity of this fleet among those of other seeds, 32 bits. */
  readonly identity: number;
  /** Beginning of every device's `distinct_id`. */
  readonly device_prefix: string;
  readonly channels: readonly Channel[];
}

const IOS_MODELS = ['iPhone12,1', 'iPhone13,2', 'iPhone14,5', 'iPhone15,2', 'iPhone16,1', 'iPad14,3'];
const IOS_VERSIONS = ['16.7', '17.6.1', '18.1'];
const ANDROID_MODELS = ['SM-G991B', 'SM-S911B', 'Pixel 6', 'Pixel 8 Pro', 'M2102J20SG', 'moto g54'];
const ANDROID_VERSIONS = ['12', '13', '14', '15'];

/** What a store's fleet looks like: most on the current native version, a tail that does not update. Shares add up to 1. */
const CHANNEL_KINDS = [
  { platform: 'android', app_version: '5.3.0', share: 0.46, profiles: profiles(ANDROID_MODELS, ANDROID_VERSIONS) },
  { platform: 'ios', app_version: '5.3.0', share: 0.33, profiles: profiles(IOS_MODELS, IOS_VERSIONS) },
  { platform: 'android', app_version: '5.2.4', share: 0.14, profiles: profiles(ANDROID_MODELS, ANDROID_VERSIONS) },
  { platform: 'ios', app_version: '5.2.4', share: 0.07, profiles: profiles(IOS_MODELS, IOS_VERSIONS) },
];

function profiles(models: readonly string[], versions: readonly string[]): readonly DeviceProfile[] {
  return models.flatMap((device_model) => versions.map((os_version) => ({ device_model, os_version })));
}

/** The fleet of a seed. A channel without devices (in a very small fleet) is left out. */
export function createFleet(seed: number, devices: number): Fleet {
  const identity = (scramble(seed) ^ scramble(Math.floor(seed / 2 ** 32) + 1)) >>> 0;
  const channels: Channel[] = [];
  let first_device = 0;
  let share = 0;
  for (const [index, kind] of CHANNEL_KINDS.entries()) {
    share += kind.share;
    const end_device = index === CHANNEL_KINDS.length - 1 ? devices : Math.round(share * devices);
    const { platform, app_version } = kind;
    if (end_device > first_device) {
      channels.push({ index, platform, app_version, profiles: kind.profiles, first_device, devices: end_device - first_device });
    }
    first_device = end_device;
  }
  return { identity, device_prefix: `dev_${identity.toString(16).padStart(8, '0')}`, channels };
}
