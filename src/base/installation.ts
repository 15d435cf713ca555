/**
 * Where the files of this program lie that are none of its modules: WebAssembly, what the build has made, the live page's, and the programs
 * of threads and child processes. By their path in the package, since a module runs in a bundle as well as by itself, and lies elsewhere then.
 */
import { existsSync } from 'node:fs';
import { assert } from './assert.ts';

function packageDirectory(): URL {
  let directory = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', directory))) {
    const above = new URL('..', directory);
    assert(above.href !== directory.href, `BUG: there is no package.json above ${import.meta.url}`);
    directory = above;
  }
  return directory;
}

const PACKAGE_DIRECTORY = packageDirectory();

/** @param path from the directory that has `package.json` */
export function installedFile(path: string): URL {
  return new URL(path, PACKAGE_DIRECTORY);
}
