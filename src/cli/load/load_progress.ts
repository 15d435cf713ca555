/** How a load gets on, on stderr: a bar that moves on a terminal, a line now and then in a log. */
import type { Clock, Timer } from '../../contract/ports.ts';
import type { Output } from '../command.ts';
import { ERASE_LINE, progressBar } from '../progress_bar.ts';
import type { LoadRun } from './load_run.ts';

const BAR_EVERY_MS = 200;
const LINE_EVERY_MS = 10_000;
const COLUMNS_USUAL = 80;

export class LoadProgress {
  private readonly run: LoadRun;
  private readonly output: Output;
  private readonly clock: Clock;
  private timer: Timer | undefined;
  private last_events = 0;
  private last_ms = 0;

  constructor(run: LoadRun, output: Output, clock: Clock) {
    this.run = run;
    this.output = output;
    this.clock = clock;
  }

  start(): void {
    const every_ms = this.output.isTTY === true ? BAR_EVERY_MS : LINE_EVERY_MS;
    this.timer = this.clock.schedule(every_ms, () => {
      this.show();
      this.start();
    });
  }

  /** Stops, and takes the bar away so that what follows begins on a clean line. */
  stop(): void {
    this.timer?.cancel();
    if (this.output.isTTY === true) this.output.write(ERASE_LINE);
  }

  private show(): void {
    const { acknowledged_events, retries } = this.run.tally;
    const elapsed_ms = this.run.elapsedMs();
    const rate = (acknowledged_events - this.last_events) / ((elapsed_ms - this.last_ms) / 1000);
    this.last_events = acknowledged_events;
    this.last_ms = elapsed_ms;
    const share = this.run.progress();
    const figures = [
      `${Math.floor(share * 100)} %`.padStart(5),
      `${acknowledged_events.toLocaleString('en-US')} events`,
      `${Math.round(rate).toLocaleString('en-US')}/s`,
      ...(retries > 0 ? [`${retries.toLocaleString('en-US')} retries`] : []),
    ].join('  ');
    if (this.output.isTTY !== true) this.output.write(`${figures.trimStart()}\n`);
    else this.output.write(ERASE_LINE + `${progressBar(share)} ${figures}`.slice(0, (this.output.columns ?? COLUMNS_USUAL) - 1));
  }
}
