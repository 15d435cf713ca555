/** The schemas that a daemon or its command line needs at every start. One that is missing here works all the same, only later. */
import type { Schema } from '../base/schema.ts';
import { CONFIG_SCHEMA } from '../config/schema.ts';
import { KEY_FILE_SCHEMA } from '../pipeline/admission/key_record.ts';
import { QUOTA_FILE_SCHEMA } from '../pipeline/admission/quota_book.ts';
import { SOURCES } from '../sources/list.ts';

const OF_SOURCES = SOURCES.flatMap(({ schema, compiled_schemas = [schema] }) => compiled_schemas);

export const SCHEMAS: readonly Schema[] = [CONFIG_SCHEMA, KEY_FILE_SCHEMA, QUOTA_FILE_SCHEMA, ...OF_SOURCES];
