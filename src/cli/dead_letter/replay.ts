/** Replays dead letters and waits for what becomes of them: the daemon does the work, this watches it by the places of the files. */
import type { Clock } from '../../contract/ports.ts';
import type { LetterDesk, LetterEntry, LetterPlace } from '../../pipeline/spool/letter_desk.ts';
import type { Output } from '../command.ts';
import { ERASE_LINE, progressBar } from '../progress_bar.ts';

const LOOK_EVERY_MS = 200;
/** A daemon looks for marked letters about once a second. */
const DAEMON_MS_MAX = 5_000;
const COLUMNS_USUAL = 80;

export interface ReplayOutcome {
  readonly delivered: number;
  /** ClickHouse rejected them once more: they are dead letters again. */
  readonly came_back: number;
  readonly damaged: number;
  /** Marked or in the queue, when waiting for them ended. */
  readonly waiting: number;
  /** False when none was taken up: then no daemon runs here. */
  readonly daemon_seen: boolean;
}

export class Replay {
  private changed_ms = 0;
  private previous: readonly LetterPlace[] = [];

  constructor(
    private readonly desk: LetterDesk,
    private readonly clock: Clock,
    private readonly stderr: Output,
  ) {}

  /**
   * Marks the letters and resolves when each is delivered or back, or when nothing has moved for a while.
   *
   * @param patience_ms how long nothing may move
   */
  async run(letters: readonly LetterEntry[], patience_ms: number): Promise<ReplayOutcome> {
    await this.desk.mark(letters, (marked) => this.show(`${marked} of ${letters.length} marked`, 0));
    this.changed_ms = this.clock.monotonicMs();
    let is_daemon_seen = false;
    for (;;) {
      const places = await this.desk.places(letters);
      const waiting = count(places, 'marked') + count(places, 'queued');
      is_daemon_seen ||= places.some((place) => place !== 'marked');
      this.note(places);
      this.show(`${letters.length - waiting} of ${letters.length} decided`, 1 - waiting / letters.length);
      const quiet_ms = this.clock.monotonicMs() - this.changed_ms;
      if (waiting === 0 || quiet_ms >= (is_daemon_seen ? patience_ms : Math.min(patience_ms, DAEMON_MS_MAX))) {
        this.clear();
        return { ...outcomeOf(places), waiting, daemon_seen: is_daemon_seen };
      }
      await new Promise<void>((resolve) => void this.clock.schedule(LOOK_EVERY_MS, resolve));
    }
  }

  private note(places: readonly LetterPlace[]): void {
    if (places.some((place, index) => place !== this.previous[index])) this.changed_ms = this.clock.monotonicMs();
    this.previous = places;
  }

  private show(figures: string, share: number): void {
    if (this.stderr.isTTY !== true) return;
    this.stderr.write(ERASE_LINE + `${progressBar(share)} ${figures}`.slice(0, (this.stderr.columns ?? COLUMNS_USUAL) - 1));
  }

  private clear(): void {
    if (this.stderr.isTTY === true) this.stderr.write(ERASE_LINE);
  }
}

function outcomeOf(places: readonly LetterPlace[]): Pick<ReplayOutcome, 'delivered' | 'came_back' | 'damaged'> {
  return { delivered: count(places, 'delivered'), came_back: count(places, 'rejected'), damaged: count(places, 'damaged') };
}

function count(places: readonly LetterPlace[], wanted: LetterPlace): number {
  return places.filter((place) => place === wanted).length;
}
