/**
 * Talking to the daemon: JSON by request, and server-sent events that come back by themselves. The token, if there must be one, stays in this
 * tab's session and travels in a header, which is why events are read with fetch: an EventSource cannot send one.
 */

const TOKEN_NAME = 'penstock-admin-token';
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8000;
const SILENCE_MS_MAX = 6000;

export class Unauthorized extends Error {}

export function storeToken(token) {
  sessionStorage.setItem(TOKEN_NAME, token);
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN_NAME);
}

export function hasToken() {
  return sessionStorage.getItem(TOKEN_NAME) !== null;
}

/** Throws `Unauthorized`, or an Error that says in words what is wrong. */
async function request(path, signal) {
  const token = sessionStorage.getItem(TOKEN_NAME);
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(path, { headers, signal, cache: 'no-store' }).catch((error) => {
    throw new Error(signal.aborted ? 'The daemon has fallen silent.' : 'The daemon does not answer.', { cause: error });
  });
  if (answer.status === 401) throw new Unauthorized('The token is not the right one.');
  if (answer.ok) return answer;
  const { message } = await answer.json().catch(() => ({ message: `The daemon answered ${answer.status}.` }));
  throw new Error(message);
}

export async function getJson(path) {
  const answer = await request(path, AbortSignal.timeout(12_000));
  return await answer.json();
}

/**
 * Reads events for ever.
 *
 * @param handlers by the event's name; and `opened()`, `lost(error)`, `refused()`: after `refused` it ends, for want of a token
 */
export async function readEvents(path, handlers) {
  let delay_ms = RETRY_MS_MIN;
  for (;;) {
    try {
      await readOnce(path, handlers, () => {
        delay_ms = RETRY_MS_MIN;
      });
    } catch (error) {
      if (error instanceof Unauthorized) {
        handlers.refused(error);
        return;
      }
      handlers.lost(error);
    }
    await new Promise((resolve) => setTimeout(resolve, delay_ms));
    delay_ms = Math.min(RETRY_MS_MAX, 2 * delay_ms);
  }
}

async function readOnce(path, handlers, on_event) {
  const abortion = new AbortController();
  let timer = 0;
  const expect_more = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abortion.abort(), SILENCE_MS_MAX);
  };
  try {
    expect_more();
    const answer = await request(path, abortion.signal);
    handlers.opened();
    let rest = '';
    for await (const text of chunksOf(answer.body)) {
      expect_more();
      const messages = (rest + text).split('\n\n');
      rest = messages.pop() ?? '';
      for (const message of messages) {
        on_event();
        dispatch(message, handlers);
      }
    }
    throw new Error('The daemon has ended the connection.');
  } finally {
    clearTimeout(timer);
    abortion.abort();
  }
}

async function* chunksOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read().catch(() => {
      throw new Error('The connection to the daemon is broken.');
    });
    if (done) return;
    yield value;
  }
}

function dispatch(message, handlers) {
  const fields = new Map(message.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  handlers[fields.get('event')]?.(JSON.parse(fields.get('data')));
}
