/** Who an event belongs to. Known from the API key, never from the event. */

/** What a key may be used for: one per kind of client. */
export const KEY_USES = ['deploy', 'events', 'webhook', 'read'] as const;
export type KeyUse = (typeof KEY_USES)[number];

/** Empty strings where the key does not know: a webhook key has no project. */
export interface Tenant {
  readonly organization_id: string;
  readonly project_id: string;
  readonly environment: string;
}

/** Whose a request is, and by which key. */
export interface Identity extends Tenant {
  readonly key_id: string;
}
