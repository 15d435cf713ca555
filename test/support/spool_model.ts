/**
 * The spool against an oracle: random appends, failures, seals, deliveries, deaths of the process and of the machine.
 *
 * The oracle delivers as the daemon does: a token before each INSERT, and where it is in doubt it counts first. Now and then it refuses a segment, which is
 * then split or set aside, and in the end replayed. Whatever happens, every acknowledged row is inserted exactly once, and no row is inserted twice.
 */
import type { SealedSegment } from '../../src/contract/segment.ts';
import { LetterDesk } from '../../src/pipeline/spool/letter_desk.ts';
import { blockOf, DATA_DIR, Held, MONTH, OTHER_TABLE, rowOf, TABLE } from '../unit/pipeline/spool/fixtures.ts';
import { MemoryFs } from './memory_fs.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { SpoolOracle } from './spool_oracle.ts';
import { until } from './until.ts';

const STEPS = 60;
const LOOK_MS = 1_000;

/** One run, which the seed decides wholly. Throws where the spool breaks a promise. */
export async function runSpoolModel(seed: number): Promise<void> {
  const random = seededRandom(seed);
  // No memory for rows, too little for all segments that there may be, and enough.
  const held_bytes_max = random.pick([0, 256 << 10, 16 << 20]);
  const unfiled_segments_max = random.pick([0, 1, 4]);
  const spare_records_min = random.pick([1, 3, Number.POSITIVE_INFINITY]);
  const options = { seal_rows_max: 12, free_bytes_min: 0, held_bytes_max, unfiled_segments_max, spare_records_min };
  const model = new Model(random, await new Held(new MemoryFs(), options).start());
  for (let step = 0; step < STEPS; step++) await model.step();
  await model.finish();
  model.oracle.check(model.acknowledged, `seed=${seed}`);
}

class Model {
  readonly acknowledged = new Set<string>();
  readonly oracle = new SpoolOracle();
  private appended = 0;
  private is_finishing = false;
  private waiting: Promise<void>[] = [];

  constructor(
    private readonly random: SeededRandom,
    private held: Held,
  ) {}

  async step(): Promise<void> {
    const action = this.random.below(100);
    if (action < 50) this.append();
    else if (action < 60) await this.settle();
    else if (action < 70) this.held.clock.advance(1 + this.random.below(1500));
    else if (action < 78) await this.held.spool.sealAll();
    else if (action < 90) await this.deliverSome();
    else if (action < 94) this.failSoon();
    else await this.die();
  }

  async finish(): Promise<void> {
    this.is_finishing = true;
    await this.settle();
    await this.die();
    await this.held.spool.sealAll();
    await this.deliverAll();
    await this.replayAll();
    await this.held.spool.close();
  }

  private append(): void {
    const label = `row ${this.appended++}`;
    const table = this.random.pick([TABLE, OTHER_TABLE]);
    const rows = Array.from({ length: 1 + this.random.below(5) }, (_, row) =>
      rowOf(`${label}.${row}`, this.random.pick(['red', 'blue', ''])),
    );
    const block = blockOf(rows, table, MONTH + this.random.below(2));
    const outcome = this.held.spool.append(block).then(
      () => {
        for (const { name } of rows) this.acknowledged.add(name ?? '');
      },
      () => undefined,
    );
    this.waiting.push(outcome);
  }

  private async settle(): Promise<void> {
    await Promise.all(this.waiting);
    this.waiting = [];
  }

  private failSoon(): void {
    const code = this.random.pick(['EIO', 'ENOSPC', 'short', 'EINTR', 'EMFILE']);
    let left = this.random.below(12);
    const { fs } = this.held;
    fs.fault = () => (left-- === 0 ? code : undefined);
  }

  private async deliverSome(): Promise<void> {
    for (const segment of this.held.announced.splice(0, 1 + this.random.below(3))) {
      // A failing disk stops this try; the segment is met again after the next start.
      await this.deliver(segment).catch(() => undefined);
    }
  }

  private async deliver(segment: SealedSegment): Promise<void> {
    if (!this.oracle.inserted.has(segment.id) && this.random.below(5) === 0) {
      await this.refuse(segment);
      return;
    }
    // One that is not retired is met again after the next start, which at the end there is none.
    await this.oracle.deliver(this.held, segment, this.is_finishing || this.random.below(4) > 0);
  }

  /** As delivery does when ClickHouse rejects the segment. */
  private async refuse(segment: SealedSegment): Promise<void> {
    if (segment.rows === 1) await this.held.spool.deadLetter(segment, { code: '469', message: 'the model says so' });
    else this.held.announced.push(...(await this.held.spool.split(segment)));
  }

  /** Marks every letter and delivers what comes back, until nothing is set aside any more. */
  private async replayAll(): Promise<void> {
    const desk = new LetterDesk(this.held.fs, DATA_DIR);
    this.held.spool.onReturned((segment) => this.held.announced.push(segment));
    for (let letters = await desk.list(); letters.length > 0; letters = await desk.list()) {
      await desk.mark(letters);
      this.held.clock.advance(LOOK_MS);
      await until('the letters are back', LOOK_MS, async () => (await desk.places(letters)).every((place) => place !== 'marked'));
      await this.deliverAll();
    }
  }

  /** What is refused meanwhile comes at the end of the list. */
  private async deliverAll(): Promise<void> {
    for (const segment of this.held.announced) await this.deliver(segment);
    this.held.announced.length = 0;
  }

  private async die(): Promise<void> {
    const { fs, spool } = this.held;
    const after: MemoryFs = this.random.below(2) === 0 ? fs.kill() : fs.crash(this.random);
    await this.settle();
    await spool.close();
    this.held = await this.held.reopen(after);
  }
}
