/** The alert rules, their tests and the dashboard, read as what they are, and which metrics they name. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { DASHBOARD, RULE_TESTS, RULES } from './prometheus.ts';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

interface RuleTests {
  readonly tests: readonly { readonly promql_expr_test: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[] }[];
}

export function readRules(): readonly Rule[] {
  const file: { groups: readonly { rules: readonly Rule[] }[] } = parse(readFileSync(RULES, 'utf8'));
  return file.groups.flatMap(({ rules }) => rules);
}

export function readRuleTests(): RuleTests {
  return parse(readFileSync(RULE_TESTS, 'utf8'));
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(DASHBOARD, 'utf8'));
}

/** The panels' expressions, with Grafana's variables filled in. */
export function dashboardExpressions(): readonly string[] {
  const expressions = readDashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return expressions.map((expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'));
}

/** Names of our metrics in an expression, without those that rules record. */
export function metricsOf(expression: string): readonly string[] {
  return [...expression.matchAll(/(?<![:\w])penstock_\w+/g)].map(([name]) => name);
}

/** Names that a scrape has samples of, or would have: of a histogram, those of its three kinds. */
export function metricsIn(scrape: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, name = '', type] of scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) names.add(name + suffix);
  }
  return names;
}
