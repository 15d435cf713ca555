/** AJV as the judge of events: it names the rule of a source's schema that an event breaks first. */
import type { ErrorObject } from 'ajv';
import { assert } from '../../base/assert.ts';
import { judgeOf } from '../../base/schema.ts';
import type { BrokenRule, JsonSchema, RejectionReason, Validator } from '../../contract/source.ts';

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
    case 'discriminator':
      return 'unknown_value';
    default:
      return 'invalid';
  }
}

function brokenRule(problem: ErrorObject | undefined): BrokenRule {
  assert(problem !== undefined, 'BUG: a rule is asked for of a value that broke none');
  const { keyword, instancePath: path, params, message = keyword } = problem;
  const rule = { keyword, path, missing: '', message };
  switch (keyword) {
    case 'required':
      return { ...rule, missing: String(params['missingProperty']) };
    case 'enum': {
      const allowed: readonly unknown[] = params['allowedValues'];
      return { ...rule, message: `must be one of ${allowed.map((value) => (value === '' ? '(empty)' : value)).join(', ')}` };
    }
    case 'discriminator':
      if (params['tagValue'] === undefined) return { ...rule, keyword: 'required', missing: String(params['tag']) };
      return { ...rule, path: `${path}/${params['tag']}`, message: 'is not among the values that are known' };
    case 'false schema':
      return { ...rule, message: 'must be absent' };
    default:
      return rule;
  }
}

export function compileValidator<Event>(schema: JsonSchema): Validator<Event> {
  const validate = judgeOf<Event>(schema);
  return {
    accepts: (value): value is Event => validate(value),
    reason: () => {
      const problem = validate.errors?.[0];
      return problem === undefined ? 'invalid' : reasonOf(brokenRule(problem).keyword, problem.instancePath);
    },
    brokenRule: () => brokenRule(validate.errors?.[0]),
  };
}
