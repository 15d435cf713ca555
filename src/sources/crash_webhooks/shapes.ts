/**
 * The shapes that the webhooks' payloads are made of, each written once. As strict as the sender's documentation is explicit: it
 * never says what is required, so that only the containers and the keys are (an issue without its key speaks of nothing); what it
 * documents has the type that it says; the lists that it closes are closed; fields that it does not know are fine.
 *
 * They are the schema's `$defs`, and what is below refers to them.
 */
import type { JsonSchema } from '../../contract/source.ts';

type Shapes = Readonly<Record<string, JsonSchema>>;

const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };
const FLAG = { type: 'boolean' };
const ANY_OBJECT = { type: 'object' };

/** An object with these members, of which `required` must be there. */
export function shape(properties: Shapes, required: readonly string[] = []): JsonSchema {
  return { type: 'object', required, properties };
}

function oneOf(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

/** Of each of these names a text. */
function texts(...names: readonly string[]): Shapes {
  return Object.fromEntries(names.map((name) => [name, TEXT]));
}

function numbers(...names: readonly string[]): Shapes {
  return Object.fromEntries(names.map((name) => [name, NUMBER]));
}

/** The definition of that name, which is an object, and what the event in question adds to it. */
function refer(name: string, more: Shapes = {}): JsonSchema {
  return { type: 'object', $ref: `#/$defs/${name}`, properties: more };
}

export const PERSON = refer('person');

/** The app as the events about something else name it. */
export const APP_REFERENCE = refer('app_reference');

/** The issue as a comment names it. */
export const ISSUE_REFERENCE = refer('issue_reference');

export const COMMENT = shape({ text: TEXT, created_by: PERSON });

/** Any field to what it was and what it is now, of any type. Either may be missing. */
export const CHANGES = { type: 'object', additionalProperties: ANY_OBJECT };

export const THREAD = refer('thread');
export const MESSAGE = refer('message');

/** @param acts what happened to it, of `actOf` */
export function appAfter(acts: Shapes): JsonSchema {
  return refer('app', acts);
}

export function issueAfter(acts: Shapes): JsonSchema {
  return refer('issue', acts);
}

export function userAfter(acts: Shapes): JsonSchema {
  return refer('user', acts);
}

/** What happened to something: when, and by whom. */
export function actOf(verb: string): Shapes {
  return { [`${verb}_on`]: TEXT, [`${verb}_by`]: PERSON };
}

const APP: JsonSchema = {
  ...shape(
    {
      ...texts('key', 'name', 'url', 'description', 'subtype', 'created_on', 'updated_on'),
      type: oneOf('ios', 'android', 'web'),
      timezone: NUMBER,
    },
    ['key'],
  ),
  if: { not: { properties: { type: { enum: ['ios', 'android'] } }, required: ['type'] } },
  else: { properties: { subtype: { enum: ['xamarin', 'cordova', 'react_native', 'unity', ''] } } },
};

const ENVIRONMENT = shape({
  app: ANY_OBJECT,
  platform: shape({ locale_extended_info: ANY_OBJECT }),
  hardware: shape({ network: ANY_OBJECT, screen: ANY_OBJECT }),
});

const RECORDING = shape({
  ...texts('key', 'url', 'created_on', 'updated_on'),
  environment: ENVIRONMENT,
  attributes: ANY_OBJECT,
  attachments: { type: ['array', 'null'], items: shape(texts('name', 'url')) },
});

const ISSUE = shape(
  {
    ...texts('key', 'summary', 'description', 'url', 'created_on', 'updated_on'),
    type: oneOf('bug', 'crash', 'error'),
    state: oneOf('open', 'closed'),
    labels: listOf(TEXT),
    severity: oneOf('unknown', 'low', 'medium', 'high', 'critical', 'blocker'),
    recordings: listOf(RECORDING),
  },
  ['key'],
);

const USER = shape({ ...texts('name', 'email', 'country', 'created_on', 'updated_on'), admin: FLAG, disabled: FLAG, timezone: NUMBER }, [
  'email',
]);

const SIZE_SUMMARY = shape({
  ...numbers('schema_version', 'download_size', 'install_size', 'install_size_on_device', 'install_block_size'),
  ...texts('analysis_version', 'analysis_mode'),
});

const NULLABLE_TEXT = { type: ['string', 'null'] };

const SIZE_DIFF_SUMMARY = shape({
  ...numbers('download_size_delta', 'download_size_pct', 'install_size_delta', 'install_size_pct'),
  ...numbers('raw_download_size_delta', 'raw_install_size_delta', 'regressed_variants_count'),
  trend: oneOf('regression', 'improvement', 'unchanged'),
  raw_trend: TEXT,
  default_variant: { type: ['object', 'null'], properties: { abi: NULLABLE_TEXT, density: NULLABLE_TEXT, locale: NULLABLE_TEXT } },
  default_variant_unmatched: FLAG,
  any_variant_regressed: FLAG,
});

const BUILD_MEMBERS: Shapes = {
  ...texts('uuid', 'package_id', 'version', 'build', 'build_configuration', 'url', 'created_on', 'updated_on'),
  format: oneOf('aab', 'apk', 'ipa'),
  artifact_size: NUMBER,
  vcs: shape({ ...texts('commit_sha', 'base_sha', 'branch', 'base_branch', 'provider', 'repo'), pr_number: NUMBER }),
  build_metadata: shape(texts('machine', 'plugin_version', 'build_system_version', 'build_sdk_version')),
};

const UNANALYSED = ['unavailable', 'uploading', 'processing', 'failed'];
const BUILD_KEYS = ['uuid', 'size_analysis_status'];

/** A build: only one whose analysis is ready has sizes. */
const BUILD: JsonSchema = {
  type: 'object',
  discriminator: { propertyName: 'size_analysis_status' },
  oneOf: [
    {
      required: BUILD_KEYS,
      properties: {
        ...BUILD_MEMBERS,
        size_analysis_status: { enum: ['ready'] },
        size_summary: SIZE_SUMMARY,
        size_diff_summary: SIZE_DIFF_SUMMARY,
      },
    },
    {
      required: BUILD_KEYS,
      properties: { ...BUILD_MEMBERS, size_analysis_status: { enum: UNANALYSED }, size_summary: false, size_diff_summary: false },
    },
  ],
};

/** What `build.created` brings: the build, and the one before it to compare with, which a build that was only registered lacks. */
export const CREATED_BUILD: JsonSchema = {
  ...shape({ current: refer('build'), previous: refer('build') }, ['current']),
  if: { properties: { current: { type: 'object', properties: { size_analysis_status: { not: { const: 'unavailable' } } } } } },
  else: { properties: { previous: false } },
};

/** A build that was deleted, whatever its status was. */
export const DELETED_BUILD = shape(
  { ...BUILD_MEMBERS, size_analysis_status: oneOf(...UNANALYSED, 'ready'), deleted_by: PERSON },
  BUILD_KEYS,
);

/** What the shapes above refer to. */
export const DEFINITIONS: Shapes = {
  person: shape(texts('name', 'email')),
  app_reference: shape(texts('key', 'name', 'url'), ['key']),
  app: APP,
  issue_reference: shape(texts('key', 'summary', 'url'), ['key']),
  issue: ISSUE,
  user: USER,
  thread: shape({ state: oneOf('open', 'closed'), user: PERSON, device_id: TEXT }, ['device_id']),
  message: shape({ messages: listOf(shape(texts('text', 'created_on'))), user: PERSON, device_id: TEXT }),
  build: BUILD,
};
