/**
 * What of a payload has a column of its own. It goes by the containers that a payload has and not by the webhook's type, so that a
 * webhook of a type that is not known, or one that breaks its schema, still says what it is about.
 */
import { FIELD_COLUMNS, type FieldColumn } from './table.ts';

/** One for each of `FIELD_COLUMNS`, in their order. */
export type Fields<Field> = readonly Field[];

type Members = Readonly<Record<string, unknown>>;

const NO_MEMBERS: Members = Object.freeze({});

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

function membersOf(value: unknown): Members {
  return isMembers(value) ? value : NO_MEMBERS;
}

/** The first of the values that is a text with something in it; else the empty text. */
function textOf(...values: readonly unknown[]): string {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return value;
  }
  return '';
}

/** The environment of the latest recording that has one: an issue that comes back brings its last recording last. */
function environmentOf(issue: Members): Members {
  const { recordings } = issue;
  if (!Array.isArray(recordings)) return NO_MEMBERS;
  return membersOf(recordings.map((recording) => membersOf(recording)['environment']).findLast(isMembers));
}

/** The texts of a webhook's payload; empty where it has none. */
export function fieldsOf(payload: unknown): Fields<string> {
  const { app, issue, user, thread, message, build } = membersOf(payload);
  const issue_members = membersOf(issue);
  const environment = environmentOf(issue_members);
  const environment_app = membersOf(environment['app']);
  const current = membersOf(membersOf(build)['current'] ?? build);
  const thread_members = membersOf(thread);
  const message_members = membersOf(message);
  const by_column: Readonly<Record<FieldColumn, string>> = {
    app_key: textOf(membersOf(app)['key']),
    issue_key: textOf(issue_members['key']),
    issue_type: textOf(issue_members['type']),
    issue_state: textOf(issue_members['state']),
    severity: textOf(issue_members['severity']),
    build_uuid: textOf(current['uuid']),
    package_id: textOf(current['package_id'], environment_app['package_id']),
    app_version: textOf(current['version'], environment_app['version']),
    size_analysis_status: textOf(current['size_analysis_status']),
    user_email: textOf(membersOf(user)['email'], membersOf(thread_members['user'])['email'], membersOf(message_members['user'])['email']),
    device_id: textOf(thread_members['device_id'], message_members['device_id'], membersOf(environment['hardware'])['device_id']),
  };
  return FIELD_COLUMNS.map((column) => by_column[column]);
}

/** Of a webhook whose payload cannot be read. */
export const NO_FIELDS: Fields<string> = fieldsOf(undefined);
