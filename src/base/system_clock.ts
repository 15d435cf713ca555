/** The machine's own clock: the implementation of the port `Clock` outside tests. */

/** Wall time for what is stored, monotonic time for what is measured, timers that never keep the process alive. */
export const SYSTEM_CLOCK = {
  nowMs: (): number => Date.now(),
  monotonicMs: (): number => performance.now(),
  schedule: (delay_ms: number, callback: () => void): { cancel: () => void } => {
    const timer = setTimeout(callback, delay_ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
