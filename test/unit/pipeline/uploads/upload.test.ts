import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { OperatingError } from '../../../../src/contract/errors.ts';
import type { Coding } from '../../../../src/contract/format.ts';
import type { Submission } from '../../../../src/contract/responder.ts';
import { PIECE_BYTES_MAX } from '../../../../src/contract/upload.ts';
import { ElementWindow } from '../../../../src/kernel/element_window.ts';
import { PartQueue } from '../../../../src/pipeline/uploads/part_queue.ts';
import { Upload } from '../../../../src/pipeline/uploads/upload.ts';
import { TENANT } from '../../../support/slabs.ts';

const EVENTS = Array.from({ length: 3000 }, (_, index) => ({ id: index, text: 'x'.repeat(1000) }));
const BODY = Buffer.from(JSON.stringify({ events: EVENTS }));

/** An upload whose pieces are "processed" by counting their events. */
class Scene {
  readonly queue: PartQueue;
  readonly events: unknown[] = [];
  readonly stage: string[] = [];
  readonly socket: string[] = [];
  answer = 'none';
  running_max = 0;
  /** So many pieces have no event that is accepted. */
  rejected_pieces = 0;
  process_error: Error | undefined;
  commit_error: Error | undefined;
  private running = 0;

  constructor(
    private readonly coding: Coding = 'identity',
    private readonly body_bytes_max = 1 << 30,
  ) {
    this.queue = new PartQueue({ pause: () => this.socket.push('pause'), resume: () => this.socket.push('resume') }, 100_000);
  }

  run(): Promise<unknown> {
    const answer = (text: string): void => {
      this.answer = text;
    };
    const submission: Submission = {
      source: 0,
      route: 0,
      tenant: TENANT,
      format: 0,
      idempotency_key: '',
      uses_reserve: false,
      counted: (accepted, rejected) => answer(`${accepted}+${rejected}`),
      answered: answer,
      failed: answer,
    };
    const stage = {
      append: async () => undefined,
      commit: async () => {
        if (this.commit_error !== undefined) throw this.commit_error;
        this.stage.push('commit');
      },
      discard: async () => {
        this.stage.push('discard');
      },
    };
    const upload = new Upload(
      { stage, window: new ElementWindow(), process: (piece) => this.process(Buffer.from(piece)) },
      {
        submission,
        format: { media: 'json', coding: this.coding },
        batch: 'events',
        received_at_ms: 0,
        body_bytes_max: this.body_bytes_max,
        event_bytes_max: 10_000,
      },
    );
    return upload.run(this.queue);
  }

  send(body: Uint8Array, part_bytes = 50_000): void {
    for (let at = 0; at < body.length; at += part_bytes) this.queue.push(body.subarray(at, at + part_bytes));
    this.queue.end();
  }

  private async process(piece: Buffer): Promise<{ accepted: number; rejected: Record<string, number> }> {
    assert.ok(piece.length <= PIECE_BYTES_MAX + 100);
    this.running_max = Math.max(this.running_max, ++this.running);
    await setImmediate();
    this.running--;
    if (this.process_error !== undefined) throw this.process_error;
    const { events }: { events: unknown[] } = JSON.parse(piece.toString());
    this.events.push(...events);
    return this.rejected_pieces-- > 0 ? { accepted: 0, rejected: { bad: events.length } } : { accepted: events.length, rejected: {} };
  }
}

/** Nothing where this Node has no zstd. */
function zstd(bytes: Buffer): [Coding, Buffer][] {
  const compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
  if (typeof compress !== 'function') return [];
  const packed: Buffer = compress(bytes);
  return [['zstd', packed]];
}

const CODINGS: readonly [Coding, Uint8Array][] = [
  ['identity', BODY],
  ['gzip', zlib.gzipSync(BODY)],
  ['deflate', zlib.deflateSync(BODY)],
  ['deflate', zlib.deflateRawSync(BODY)],
  ['br', zlib.brotliCompressSync(BODY)],
  ...zstd(BODY),
];

for (const [coding, body] of CODINGS) {
  test(`${coding}: every event of a long body is in a piece, a few pieces are under way, and one commit ends it`, async () => {
    const scene = new Scene(coding);
    scene.send(body);
    await scene.run();
    assert.deepEqual(scene.events, EVENTS);
    assert.deepEqual([scene.answer, scene.stage, scene.running_max <= 3], ['3000+0', ['commit'], true]);
  });
  if (coding !== 'identity') {
    test(`${coding}: what stands behind the end of a body fails it, in whatever parts it comes`, async () => {
      for (const [rest, part_bytes] of [
        [body, 50_000],
        [Buffer.from('x'), body.length],
        [Buffer.from('x'), body.length + 1],
        [body, body.length],
      ] as const) {
        const scene = new Scene(coding);
        scene.send(Buffer.concat([body, rest]), part_bytes);
        await scene.run();
        // Members of gzip are one body, here of two values.
        const code: string = coding === 'gzip' && rest === body ? 'not_json' : 'encoding_corrupt';
        assert.deepEqual([scene.answer, scene.stage], [code, ['discard']]);
      }
    });
    test(`${coding}: what is cut short fails, wherever`, async () => {
      for (const length of [1, 5, body.length >> 1, body.length - 1]) {
        const scene = new Scene(coding);
        scene.send(body.subarray(0, length));
        await scene.run();
        assert.deepEqual([scene.answer, scene.stage], ['encoding_corrupt', ['discard']], `${length} bytes`);
      }
    });
    test(`${coding}: a body that begins with a part of one byte is the same`, async () => {
      const scene = new Scene(coding);
      scene.queue.push(body.subarray(0, 1));
      const running = scene.run();
      await setImmediate();
      scene.send(body.subarray(1));
      await running;
      assert.equal(scene.answer, '3000+0');
    });
  }
}

test('rejections of a piece without an accepted event are told apart, since no block tells of them', async () => {
  const scene = new Scene();
  scene.rejected_pieces = 1;
  scene.send(BODY);
  const end = await scene.run();
  const [, accepted = '', rejected = ''] = /^(\d+)\+(\d+)$/.exec(scene.answer) ?? [];
  assert.ok(Number(rejected) > 0 && Number(accepted) + Number(rejected) === 3000, scene.answer);
  const bad = Number(rejected);
  assert.deepEqual(end, { accepted: Number(accepted), rejected: { bad }, loose: { bad } });
});

test('a body that ends while the socket is paused leaves it to the next request resumed', async () => {
  const scene = new Scene();
  scene.queue.push(Buffer.alloc(200_000, 0x20));
  scene.queue.end();
  assert.deepEqual(scene.socket, ['pause', 'resume']);
});

test('the socket is paused while more waits than there is room for, and resumed when it is read', async () => {
  const scene = new Scene();
  scene.queue.push(Uint8Array.from(BODY.subarray(0, 200_000)));
  assert.deepEqual(scene.socket, ['pause']);
  const running = scene.run();
  await setImmediate();
  assert.deepEqual(scene.socket, ['pause', 'resume']);
  scene.send(BODY.subarray(200_000));
  await running;
  assert.equal(scene.answer, '3000+0');
});

test('a body that breaks off, is corrupt, unfolds too far or is no batch is discarded and answered so', async () => {
  const outcome = async (scene: Scene, body: Uint8Array): Promise<unknown[]> => {
    scene.send(body);
    await scene.run();
    return [scene.answer, ...scene.stage];
  };
  const gzip = zlib.gzipSync(BODY);
  assert.deepEqual(await outcome(new Scene('gzip'), gzip.subarray(0, gzip.length >> 1)), ['encoding_corrupt', 'discard']);
  assert.deepEqual(await outcome(new Scene('gzip'), BODY), ['encoding_corrupt', 'discard']);
  assert.deepEqual(await outcome(new Scene('gzip'), new Uint8Array(0)), ['encoding_corrupt', 'discard']);
  assert.deepEqual(await outcome(new Scene('gzip', 1_000_000), gzip), ['inflated_too_large', 'discard']);
  assert.deepEqual(await outcome(new Scene('identity', 1_000_000), BODY), ['body_too_large', 'discard']);
  assert.deepEqual(await outcome(new Scene(), BODY.subarray(0, -1)), ['not_json', 'discard']);
  for (const coding of ['identity', 'gzip'] as const) {
    const broken = new Scene(coding);
    broken.queue.push(coding === 'gzip' ? gzip.subarray(0, 1000) : Uint8Array.from(BODY.subarray(0, 1_500_000)));
    const running = broken.run();
    await setImmediate();
    broken.queue.breakOff();
    await running;
    assert.deepEqual([broken.answer, ...broken.stage], ['upload_broken_off', 'discard'], coding);
  }
});

test('when a piece or the commit fails, the upload fails as it did and nothing is kept', async () => {
  const failing = new Scene();
  failing.process_error = new OperatingError('worker_died');
  failing.send(BODY);
  await failing.run();
  assert.deepEqual([failing.answer, ...failing.stage], ['worker_died', 'discard']);
  const uncommitted = new Scene();
  uncommitted.commit_error = new OperatingError('spool_unwritable', { reason: 'EIO' });
  uncommitted.send(BODY);
  await uncommitted.run();
  assert.deepEqual([uncommitted.answer, ...uncommitted.stage], ['spool_unwritable', 'discard']);
});
