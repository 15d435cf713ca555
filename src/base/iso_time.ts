/**
 * Times as ISO 8601 writes them, in the forms that services send: `2018-01-16`, `2018-01-16T08:18:25.411Z`, `2018-01-16 08:18+0545`.
 * Date.parse takes much else besides, and takes a time without a zone for one of this machine.
 */

const FORM = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,18}))?)?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?)?$/;

/** The form of `Date.prototype.toISOString`, which nearly everybody sends; the way of all forms takes four times as long. */
const USUAL_FORM = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
/** Every month has these. */
const DAYS_MIN = 28;

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;

function dayMs(year: number, month: number, day: number): number | undefined {
  const time = new Date(0);
  // Not Date.UTC, which takes the year 50 for 1950.
  time.setUTCFullYear(year, month - 1, day);
  return time.getUTCMonth() === month - 1 && time.getUTCDate() === day ? time.getTime() : undefined;
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30;
}

/** Of the usual form, where nothing about it needs a second look. */
function usualTime(text: string): number | undefined {
  if (!USUAL_FORM.test(text)) return undefined;
  const century = twoDigits(text, 0);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)];
  if (century === 0 || month === 0 || month > 12 || day === 0 || day > DAYS_MIN) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const milliseconds = twoDigits(text, 20) * 10 + text.charCodeAt(22) - 0x30;
  return Date.UTC(century * 100 + twoDigits(text, 2), month - 1, day, hour, minute, second, milliseconds);
}

/**
 * Milliseconds since the epoch; undefined for what is no such time. A time without a zone is of UTC, a leap second is the first
 * second of the next minute, and digits beyond milliseconds are cut off.
 */
export function parseIsoTime(text: string): number | undefined {
  const usual = usualTime(text);
  if (usual !== undefined) return usual;
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part = '0') => Number(part));
  const [, , , , , , , fraction = '', , sign, zone_hour = '0', zone_minute = '0'] = parts;
  const day_ms = dayMs(year, month, day);
  if (day_ms === undefined || hour > 23 || minute > 59 || second > 60) return undefined;
  if (Number(zone_hour) > 23 || Number(zone_minute) > 59) return undefined;
  const zone_minutes = (Number(zone_hour) * HOUR_MINUTES + Number(zone_minute)) * (sign === '-' ? -1 : 1);
  const milliseconds = Number(fraction.slice(0, 3).padEnd(3, '0'));
  return day_ms + (hour * HOUR_MINUTES + minute - zone_minutes) * MINUTE_MS + second * 1000 + milliseconds;
}
