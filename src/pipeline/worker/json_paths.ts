/**
 * The paths that ClickHouse's JSON type makes of an object: keys joined by dots, so that `{"a.b":1}` and `{"a":{"b":1}}` have
 * the same one. Each object in an array has paths of its own.
 */

/** What a path leads to: a value, or only to longer paths. */
type Paths = Map<string, 'leaf' | 'branch'>;

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Notes that `path` is used as `use`; false when it is there already and one of the two is a leaf. */
function note(paths: Paths, path: string, use: 'leaf' | 'branch'): boolean {
  const known = paths.get(path);
  if (known !== undefined && (known === 'leaf' || use === 'leaf')) return false;
  paths.set(path, use);
  return true;
}

/** Notes every shorter path that the dots of a key make. */
function noteBranches(paths: Paths, path: string, from: number): boolean {
  for (let dot = path.indexOf('.', from); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    if (!note(paths, path.slice(0, dot), 'branch')) return false;
  }
  return true;
}

function noteObject(object: object, prefix: string, paths: Paths): boolean {
  for (const [key, value] of Object.entries(object)) {
    const path = prefix + key;
    if (!noteBranches(paths, path, prefix.length)) return false;
    const is_branch = isObject(value) && !Array.isArray(value);
    if (!note(paths, path, is_branch ? 'branch' : 'leaf')) return false;
    if (is_branch ? !noteObject(value, `${path}.`, paths) : !distinctPaths(value)) return false;
  }
  return true;
}

/** Whether no object in a parsed JSON value has two values, or a value and longer paths, at one path. */
export function distinctPaths(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(distinctPaths);
  return !isObject(value) || noteObject(value, '', new Map());
}
