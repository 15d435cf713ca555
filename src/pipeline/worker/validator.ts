/** AJV as the judge of events: compiles a source's schema, and names the rule that an event breaks first. */
import { Ajv, type ErrorObject } from 'ajv';
import { assert } from '../../base/assert.ts';
import type { BrokenRule, JsonSchema, RejectionReason, Validator } from '../../contract/source.ts';

/**
 * `$data` stays off (it would let an event choose its own rules), and so does allErrors (one reason is enough). Where a schema is a
 * union, its discriminator says which branch is looked at.
 */
export function createAjv(): Ajv {
  return new Ajv({ strict: true, allowUnionTypes: true, discriminator: true });
}

function reasonOf(keyword: string, instance_path: string): RejectionReason {
  switch (keyword) {
    case 'type':
      return instance_path === '' ? 'not_an_object' : 'wrong_type';
    case 'required':
      return 'missing_field';
    case 'minLength':
      return 'empty_field';
    case 'maxLength':
      return 'too_long';
    case 'enum':
      return 'unknown_value';
    default:
      return 'invalid';
  }
}

function brokenRule(problem: ErrorObject | undefined): BrokenRule {
  assert(problem !== undefined, 'BUG: a rule is asked for of a value that broke none');
  const { keyword, instancePath, params, message } = problem;
  const missing = keyword === 'required' ? String(params['missingProperty']) : '';
  return { keyword, path: instancePath, missing, message: message ?? keyword };
}

export function compileValidator<Event>(ajv: Ajv, schema: JsonSchema): Validator<Event> {
  const validate = ajv.compile<Event>(schema);
  return {
    accepts: (value): value is Event => validate(value),
    reason: () => {
      const problem = validate.errors?.[0];
      return problem === undefined ? 'invalid' : reasonOf(problem.keyword, problem.instancePath);
    },
    brokenRule: () => brokenRule(validate.errors?.[0]),
  };
}
