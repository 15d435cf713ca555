/** Stand-ins for the world of admission: a key file in memory, a clock turned by hand, bytes that count up. */
import type { Clock, Timer } from '../../../../src/contract/ports.ts';
import type { KeyFile } from '../../../../src/pipeline/admission/key_file.ts';
import { KeyStore } from '../../../../src/pipeline/admission/keys.ts';

export class MemoryKeyFile implements KeyFile {
  readonly path = '/memory/keys.json';
  text: string | undefined;
  /** What the next reads fail with. */
  failure: Error | undefined;
  private version = 0;

  async read(): Promise<string | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.text;
  }

  async stamp(): Promise<string | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.text === undefined ? undefined : String(this.version);
  }

  async update(change: (text: string | undefined) => string | undefined): Promise<void> {
    const text = change(this.text);
    if (text !== undefined) this.set(text);
  }

  set(text: string | undefined): void {
    this.text = text;
    this.version++;
  }
}

export class ManualClock implements Clock {
  private now_ms = Date.UTC(2026, 0, 2, 3, 4, 5);
  private waiting: { readonly due_ms: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.now_ms;
  }

  monotonicMs(): number {
    return this.now_ms;
  }

  schedule(delay_ms: number, callback: () => void): Timer {
    const entry = { due_ms: this.now_ms + delay_ms, callback };
    this.waiting.push(entry);
    const cancel = (): void => {
      this.waiting = this.waiting.filter((each) => each !== entry);
    };
    return { cancel };
  }

  get timers(): number {
    return this.waiting.length;
  }

  /** Lets time pass and everything that falls due run to its end. */
  async pass(duration_ms: number): Promise<void> {
    this.now_ms += duration_ms;
    const due = this.waiting.filter((each) => each.due_ms <= this.now_ms);
    this.waiting = this.waiting.filter((each) => each.due_ms > this.now_ms);
    for (const each of due) each.callback();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Bytes that differ at every call. */
export function countingBytes(): (count: number) => Uint8Array {
  let drawn = 0;
  return (count) => new Uint8Array(count).fill(++drawn);
}

export function makeStore(): { store: KeyStore; file: MemoryKeyFile; clock: ManualClock } {
  const file = new MemoryKeyFile();
  const clock = new ManualClock();
  return { store: new KeyStore({ file, clock, randomBytes: countingBytes() }), file, clock };
}
