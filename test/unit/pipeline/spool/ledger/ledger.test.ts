import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBalanced, type LedgerAnswer } from '../../../../../src/contract/ledger.ts';
import type { SealedSegment } from '../../../../../src/contract/segment.ts';
import { readBooks } from '../../../../../src/pipeline/spool/ledger/book_files.ts';
import { MemoryFs } from '../../../../support/memory_fs.ts';
import { until } from '../../../../support/until.ts';
import { blockOf, DATA_DIR, Held, OTHER_TABLE, rowOf } from '../fixtures.ts';

const DAY_MS = 86_400_000;
const NOTHING = async (): Promise<void> => undefined;

function booksOf(held: Held): LedgerAnswer {
  const answer = held.spool.ledger.answer(['test']);
  assert.ok(isBalanced(answer), JSON.stringify(answer));
  return answer;
}

/** Where the accepted events are. */
function placesOf(held: Held): Readonly<Record<string, number>> {
  const { accepted, delivered, spooled, dead_lettered } = booksOf(held);
  return { accepted, delivered, spooled, dead_lettered };
}

async function sealedSegment(held: Held, labels: readonly string[]): Promise<SealedSegment> {
  await held.spool.append(blockOf(labels.map((label) => rowOf(label))));
  await held.spool.sealAll();
  const segment = held.announced.at(-1);
  assert.ok(segment);
  return segment;
}

function childOf(segment: SealedSegment, id: string, rows: number, bad: number): SealedSegment {
  return { ...segment, id, rows, accounts: [{ source: 'test', received: rows + bad, accepted: rows, rejected: bad === 0 ? {} : { bad } }] };
}

test('an event is spooled from its acknowledgement until its segment is retired, then delivered', async () => {
  const held = await new Held().start();
  await held.spool.append(blockOf([rowOf('one'), rowOf('two')]));
  assert.deepEqual(booksOf(held), {
    received: 3,
    accepted: 2,
    rejected: { bad: 1 },
    delivered: 0,
    spooled: 2,
    dead_lettered: 0,
    by_source: { test: { received: 3, accepted: 2, rejected: { bad: 1 }, delivered: 0, spooled: 2, dead_lettered: 0 } },
  });
  await held.spool.sealAll();
  assert.deepEqual(placesOf(held), { accepted: 2, delivered: 0, spooled: 2, dead_lettered: 0 });
  await held.spool.retire(held.announced[0]);
  assert.deepEqual(placesOf(held), { accepted: 2, delivered: 2, spooled: 0, dead_lettered: 0 });
});

test('events of requests without an accepted one count at once, and are on disk after ten seconds or a clean end', async () => {
  const held = await new Held().start();
  const loose = { source: 'test', received: 2, accepted: 0, rejected: { duplicate: 2 } };
  held.spool.ledger.countLoose(loose);
  assert.equal(booksOf(held).received, 2);
  assert.equal(booksOf(await held.reopen(held.fs.kill())).received, 0, 'a crash loses them, on both sides');
  const again = await new Held().start();
  again.spool.ledger.countLoose(loose);
  again.clock.advance(10_000);
  again.spool.ledger.countLoose(loose);
  await again.spool.close();
  assert.deepEqual(booksOf(await again.reopen(again.fs.kill())).rejected, { duplicate: 4 });
});

test('a corrupt segment that is set aside is dead, and stays so', async () => {
  const held = await new Held().start();
  const segment = await sealedSegment(held, ['one', 'two']);
  await held.spool.quarantine(segment, 'damaged');
  assert.deepEqual(placesOf(held), { accepted: 2, delivered: 0, spooled: 0, dead_lettered: 2 });
  assert.deepEqual(booksOf(await held.reopen(held.fs.kill())), booksOf(held));
});

test('a dead letter that is replayed is spooled again, and delivered under its own id', async () => {
  const held = await new Held().start();
  const segment = await sealedSegment(held, ['one']);
  const { ledger } = held.spool;
  await ledger.deadLettered(segment, NOTHING);
  assert.equal(placesOf(held)['dead_lettered'], 1);
  await ledger.replayed(segment, NOTHING);
  assert.deepEqual(placesOf(held), { accepted: 1, delivered: 0, spooled: 1, dead_lettered: 0 });
  await ledger.delivered(segment, NOTHING);
  assert.deepEqual(placesOf(held), { accepted: 1, delivered: 1, spooled: 0, dead_lettered: 0 });
});

test('a crash between the line of a dead letter, or of its replay, and the rename: where the file is, is the truth', async () => {
  const held = await new Held().start();
  const segment = await sealedSegment(held, ['one']);
  const path = held.fs.paths().find((one) => one.endsWith('.sealed')) ?? '';
  const fails = (): Promise<void> => Promise.reject(new Error('the process dies here'));
  await assert.rejects(held.spool.ledger.deadLettered(segment, fails));
  const not_moved = await held.reopen(held.fs.kill());
  assert.deepEqual(placesOf(not_moved), { accepted: 1, delivered: 0, spooled: 1, dead_lettered: 0 });
  assert.equal(not_moved.announced.length, 1);

  const { fs } = not_moved;
  await not_moved.spool.ledger.deadLettered(segment, () => fs.rename(path, '/dead/letter'));
  await assert.rejects(not_moved.spool.ledger.replayed(segment, fails));
  const not_back = await not_moved.reopen(fs.kill());
  assert.deepEqual(placesOf(not_back), { accepted: 1, delivered: 0, spooled: 0, dead_lettered: 1 });
});

test('a segment that could not be set aside and is delivered after all is counted as delivered alone', async () => {
  const held = await new Held().start();
  const segment = await sealedSegment(held, ['one']);
  await assert.rejects(held.spool.ledger.deadLettered(segment, () => Promise.reject(new Error('EIO'))));
  await held.spool.retire(segment);
  assert.deepEqual(placesOf(held), { accepted: 1, delivered: 1, spooled: 0, dead_lettered: 0 });
  assert.deepEqual(booksOf(await held.reopen(held.fs.kill())), booksOf(held));
});

test('a split changes no sum; after it the parent is over, and its children count', async () => {
  const held = await new Held().start();
  const segment = await sealedSegment(held, ['one', 'two', 'three']);
  const children = [childOf(segment, 'first', 1, 1), childOf(segment, 'second', 2, 0)];
  await assert.rejects(held.spool.ledger.split(segment, children, () => Promise.reject(new Error('the process dies here'))));
  assert.deepEqual(placesOf(held), { accepted: 3, delivered: 0, spooled: 3, dead_lettered: 0 });
  await held.spool.ledger.deadLettered(children[0], NOTHING);
  await held.spool.ledger.delivered(children[1], NOTHING);
  assert.deepEqual(placesOf(held), { accepted: 3, delivered: 2, spooled: 0, dead_lettered: 1 });
  const after = await held.reopen(held.fs.kill());
  assert.deepEqual(after.announced, [], 'the parent was removed');
  assert.deepEqual(placesOf(after), placesOf(held));
});

test('children that do not add up to their parent are a bug', async () => {
  const held = await new Held().start();
  const segment = await sealedSegment(held, ['one', 'two']);
  const split = (children: readonly SealedSegment[]): Promise<void> => held.spool.ledger.split(segment, children, NOTHING);
  assert.throws(() => void split([childOf(segment, 'first', 1, 1)]), /BUG/);
  assert.throws(() => void split([childOf(segment, 'first', 1, 0), childOf(segment, 'second', 1, 0)]), /BUG/);
});

test('a record that is damaged in the open file is dead, not lost from the books', async () => {
  const held = await new Held(new MemoryFs(), { held_bytes_max: 0 }).start();
  await held.spool.append(blockOf([rowOf('kept')]));
  await held.spool.append(blockOf([rowOf('hit')]));
  const path = held.fs.paths().find((one) => one.endsWith('.open')) ?? '';
  const content = held.fs.contentOf(path);
  content[content.lastIndexOf('hit')] ^= 1;
  await held.spool.sealAll();
  assert.deepEqual(placesOf(held), { accepted: 2, delivered: 0, spooled: 1, dead_lettered: 1 });
  await held.spool.close();
  assert.deepEqual(placesOf(await held.reopen(held.fs.kill())), { accepted: 2, delivered: 0, spooled: 1, dead_lettered: 1 });
});

test('retiring costs one write and one sync more, shared by those that end together', async () => {
  const held = await new Held().start();
  for (const label of ['zero', 'one', 'two', 'three']) await sealedSegment(held, [label]);
  await held.spool.retire(held.announced[0]);
  const operations: string[] = [];
  held.fs.fault = (operation) => {
    operations.push(operation);
    return undefined;
  };
  await held.spool.retire(held.announced[1]);
  assert.deepEqual(operations, ['write', 'datasync', 'remove']);
  operations.length = 0;
  await Promise.all([held.spool.retire(held.announced[2]), held.spool.retire(held.announced[3])]);
  assert.ok(operations.filter((operation) => operation === 'datasync').length <= 2);
});

test('each day has a file of its own, a start reads the newest alone, and files go when their records are 90 days old', async () => {
  const held = await new Held().start();
  for (let day = 0; day < 95; day++) {
    await held.spool.retire(await sealedSegment(held, ['one']));
    held.clock.advance(DAY_MS);
  }
  const books = held.fs.paths().filter((path) => path.endsWith('.book'));
  assert.ok(books.length >= 91 && books.length <= 93, `${books.length} books`);
  const read: string[] = [];
  const fs = held.fs.kill();
  fs.fault = (operation, path) => {
    if (operation === 'read') read.push(path);
    return undefined;
  };
  const { settled, fates } = await readBooks(fs, `${DATA_DIR}/ledger`);
  assert.deepEqual(read, books.slice(-1));
  assert.equal(settled.answer().delivered, 95);
  assert.equal(fates.size, 1);
});

test('until a segment of an earlier run is counted the ledger says so', async () => {
  const held = await new Held().start();
  await held.spool.append(blockOf([rowOf('one')]));
  await held.spool.append(blockOf([rowOf('two')], OTHER_TABLE));
  const after = await held.reopen(held.fs.kill());
  assert.equal(after.spool.ledger.uncountedSegments(), 2);
  await until('both are counted', 2000, () => after.spool.ledger.uncountedSegments() === 0);
  assert.deepEqual(placesOf(after), { accepted: 2, delivered: 0, spooled: 2, dead_lettered: 0 });
});

test('a full disk keeps the segment until its line can be written', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  const segment = await sealedSegment(held, ['one']);
  fs.capacity_bytes = fs.usedBytes();
  await assert.rejects(held.spool.retire(segment), { code: 'ENOSPC' });
  assert.deepEqual(placesOf(held), { accepted: 1, delivered: 0, spooled: 1, dead_lettered: 0 });
  assert.ok(held.incidents.names.includes('ledger_unwritable'));
  fs.capacity_bytes = Number.POSITIVE_INFINITY;
  await held.spool.retire(segment);
  assert.equal(placesOf(held)['delivered'], 1);
});
