/** The addresses under which the page asks for what it shows. All but its files want the admin token, if there is one. */
import { OperatingError } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import type { AdminRequest, AdminRoute } from '../admin_server.ts';
import { Answers } from './answers.ts';
import type { EventStream } from './event_stream.ts';

/** Whose releases are asked for; undefined for all. */
export interface ProjectName {
  readonly organization_id: string;
  readonly project_id: string;
  readonly environment: string;
}

/** What is known of the fleet, from ClickHouse; see `read/fleet_overview.ts`. */
export interface Fleet {
  projects(signal: AbortSignal): Promise<object>;
  releases(project: ProjectName | undefined, signal: AbortSignal): Promise<object>;
  release(project: ProjectName | undefined, release_id: string, signal: AbortSignal): Promise<object>;
  deployments(signal: AbortSignal): Promise<object>;
  webhooks(signal: AbortSignal): Promise<object>;
}

const NAME_CHARACTERS_MAX = 1024;

export function createPageRoutes(stream: EventStream, fleet: Fleet, clock: Clock): AdminRoute[] {
  const answers = new Answers(clock);
  const route = (name: string, ask: (query: URLSearchParams, signal: AbortSignal) => Promise<object>): AdminRoute => ({
    path: `/page/${name}`,
    is_open: false,
    is_part: true,
    answer: ({ query }: AdminRequest) => {
      const asked = [...query].map(([key, value]) => [key, value.slice(0, NAME_CHARACTERS_MAX)]);
      return answers.get(JSON.stringify([name, ...asked]), async (signal) => await ask(query, signal));
    },
  });
  return [
    { path: '/page/events', is_open: false, is_part: true, answer: () => stream.subscribe() },
    route('projects', (_query, signal) => fleet.projects(signal)),
    route('releases', (query, signal) => fleet.releases(readProject(query), signal)),
    route('release', (query, signal) => fleet.release(readProject(query), readName(query, 'id'), signal)),
    route('deployments', (_query, signal) => fleet.deployments(signal)),
    route('webhooks', (_query, signal) => fleet.webhooks(signal)),
  ];
}

/** All of its three parts, or none. A part may be empty, as the key says. */
function readProject(query: URLSearchParams): ProjectName | undefined {
  if (!query.has('organization')) return undefined;
  const part = (name: string): string => (query.get(name) === '' ? '' : readName(query, name));
  return { organization_id: part('organization'), project_id: part('project'), environment: part('environment') };
}

function readName(query: URLSearchParams, name: string): string {
  const text = query.get(name) ?? '';
  if (text !== '' && text.length <= NAME_CHARACTERS_MAX) return text;
  throw new OperatingError('parameter_invalid', { parameter: name, problem: `it must have 1 to ${NAME_CHARACTERS_MAX} characters` });
}
