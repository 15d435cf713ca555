/** What `load` does where no option says otherwise. */
export const LOAD_DEFAULTS = { devices: 100_000, batch_events: 100, seconds: 10, connections: 16 } as const;
