/** Loads the real default.yaml with files and environment made up by a test. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts';

export const DEFAULTS_PATH = fileURLToPath(new URL('../../../../config/default.yaml', import.meta.url));

export interface Given {
  /** The user's file. */
  readonly yaml?: string;
  readonly environment?: Record<string, string>;
  readonly cores?: number;
}

export async function loadGiven({ yaml, environment = {}, cores = 4 }: Given = {}): Promise<LoadedConfig> {
  return await loadConfig({
    defaults_path: DEFAULTS_PATH,
    config_path: yaml === undefined ? undefined : 'user.yaml',
    environment,
    readText: async (path) => (path === '/work_dir/user.yaml' && yaml !== undefined ? yaml : await readFile(path, 'utf8')),
    working_directory: '/work_dir',
    cores,
  });
}
