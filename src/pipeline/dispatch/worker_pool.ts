/** The pool of worker threads (piscina). A worker that dies is replaced; the slabs that it had are rejected. */
import { Piscina } from 'piscina';
import type { SlabResult, SlabTask } from '../../contract/slab.ts';
import type { SlabWorkers } from './dispatcher.ts';

export interface WorkerPoolOptions {
  /** The module whose default export processes a slab. */
  readonly filename: string;
  readonly threads: number;
  /** Slabs that one thread holds: the one that it works on and those that are crossing to it. */
  readonly slabs_per_thread_max: number;
  readonly heap_bytes_max: number;
  /** An idle worker died, or could not start. */
  readonly on_error: (error: Error) => void;
}

export class WorkerPool implements SlabWorkers {
  private readonly piscina: Piscina<SlabTask, SlabResult>;

  constructor(options: WorkerPoolOptions) {
    this.piscina = new Piscina<SlabTask, SlabResult>({
      filename: options.filename,
      minThreads: options.threads,
      maxThreads: options.threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: options.slabs_per_thread_max,
      maxQueue: options.threads * options.slabs_per_thread_max,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(options.heap_bytes_max / 2 ** 20) },
    });
    this.piscina.on('error', options.on_error);
  }

  run(task: SlabTask): Promise<SlabResult> {
    return this.piscina.run(task);
  }

  /** Waits for what is running, then ends the threads. */
  async close(): Promise<void> {
    await this.piscina.close();
  }
}
