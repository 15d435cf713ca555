/**
 * The way of most bodies: the kernel makes rows of the events that are of the common shape, and pauses at each other one, which
 * the source's decoder judges. A body that is uncommon itself leaves no trace here and is the decoder's as a whole.
 */
import type { BatchSource, DecodeResult, Decoder, DecoderRequest } from '../../contract/source.ts';
import type { BodyReader, InstalledProgram } from '../../kernel/body_reader.ts';
import { compileProgram } from '../../kernel/program.ts';
import type { BlockBuilder } from './block_builder.ts';
import type { JsonBatches } from './json_batch.ts';
import type { JsonLines, LineVerdict } from './json_lines.ts';

type Way = 'read' | 'readLines';

export class KernelPath {
  private constructor(
    private readonly bodies: BodyReader,
    private readonly batches: JsonBatches,
    private readonly builder: BlockBuilder,
    private readonly program: InstalledProgram,
  ) {}

  /** The kernel's path of a source; undefined when the kernel does not know all that its plan or its schema says. */
  static create(
    source: BatchSource,
    bodies: BodyReader,
    batches: JsonBatches,
    builders: ReadonlyMap<string, BlockBuilder>,
  ): KernelPath | undefined {
    const { plan, schema } = source;
    const table = source.tables.find((candidate) => candidate.name === plan?.table);
    const builder = builders.get(plan?.table ?? '');
    if (plan === undefined || table === undefined || builder === undefined) return undefined;
    const program = compileProgram(schema, plan, table, builder.first_column);
    return program === undefined ? undefined : new KernelPath(bodies, batches, builder, bodies.install(program));
  }

  /** Adds the rows of a request; undefined when the decoder is to read its body, after all rows were taken back. */
  decode(request: DecoderRequest, decoder: Decoder, event_bytes_max: number): DecodeResult | undefined {
    const { batches } = this;
    return this.read('read', request, event_bytes_max, () => {
      batches.parseElement();
      return decoder.take(batches, 0, request) ? 'accepted' : 'rejected';
    });
  }

  /** The same for a body of one event per line. */
  decodeLines(request: DecoderRequest, lines: JsonLines, decoder: Decoder, event_bytes_max: number): DecodeResult | undefined {
    return this.read('readLines', request, event_bytes_max, () => {
      this.batches.takeElement();
      return lines.judge(request, decoder);
    });
  }

  /** @param judge says what becomes of the element at which the kernel paused */
  private read(way: Way, request: DecoderRequest, event_bytes_max: number, judge: () => LineVerdict): DecodeResult | undefined {
    const { bodies } = this;
    const program = this.program.address();
    const counts = { accepted: 0, rejected: 0 };
    let result = bodies[way](program, request, event_bytes_max, false);
    while (result === 'element' || result === 'not_ascii') {
      if (result === 'not_ascii') {
        if (!this.batches.isUtf8(request)) return undefined;
      } else {
        const verdict = judge();
        if (verdict === 'too_many_keys') return undefined;
        counts[verdict]++;
      }
      result = bodies.resume();
    }
    if (result !== 'done') return undefined;
    const rows = bodies.rows();
    this.builder.add(rows, request.received_at_ms);
    return { kind: 'counts', accepted: counts.accepted + rows, rejected: counts.rejected };
  }
}
