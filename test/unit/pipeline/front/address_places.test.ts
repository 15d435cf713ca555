import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressPlaces } from '../../../../src/pipeline/front/address_places.ts';

test('an address has its places, gives them back, and is forgotten with the last', () => {
  const places = new AddressPlaces(2);
  assert.deepEqual([places.take('a'), places.take('a'), places.take('a'), places.take('b')], [true, true, false, true]);
  places.give('a');
  assert.deepEqual([places.take('a'), places.take('a')], [true, false]);
  places.give('b');
  assert.throws(() => places.give('b'), /BUG/);
});

test('a lower limit takes no place away', () => {
  const places = new AddressPlaces(2);
  assert.ok(places.take('a') && places.take('a'));
  places.setPlacesMax(1);
  places.give('a');
  assert.equal(places.take('a'), false);
  places.give('a');
  assert.equal(places.take('a'), true);
  assert.equal(new AddressPlaces(0).isLimited(), false);
});
