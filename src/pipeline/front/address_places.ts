/**
 * How many requests each address may have in hand at one time. A connection has at most one, since a request behind an unanswered one
 * is refused, so that this is how many of its connections are at work; idle ones end by themselves after ten seconds. Holds an entry per
 * address with a request in hand, and nothing of others.
 */
import { assert } from '../../base/assert.ts';

export class AddressPlaces {
  private readonly taken = new Map<string, number>();

  /** @param places_max for each address; 0 is no limit */
  constructor(private places_max: number) {}

  isLimited(): boolean {
    return this.places_max > 0;
  }

  /** Those who have more places than that keep them. */
  setPlacesMax(places_max: number): void {
    this.places_max = places_max;
  }

  take(address: string): boolean {
    const taken = this.taken.get(address) ?? 0;
    if (taken >= this.places_max) return false;
    this.taken.set(address, taken + 1);
    return true;
  }

  give(address: string): void {
    const taken = this.taken.get(address);
    assert(taken !== undefined, 'BUG: an address gave back a place that it did not have');
    if (taken === 1) this.taken.delete(address);
    else this.taken.set(address, taken - 1);
  }
}
