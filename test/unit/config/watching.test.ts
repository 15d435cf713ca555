/** What can be said of the alert rules and the dashboard without Prometheus. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readDashboard, readRules, readRuleTests } from '../../support/watching.ts';

const OPERATIONS = fileURLToPath(new URL('../../../../docs/OPERATIONS.md', import.meta.url));

test('every alert says what is wrong, what to do, how bad it is, and which section of the handbook has more', () => {
  const headings = readFileSync(OPERATIONS, 'utf8').matchAll(/^#+ (.+)$/gm);
  const anchors = new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  const alerts = readRules().filter(({ alert }) => alert !== undefined);
  assert.ok(alerts.length >= 20);
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels?.['severity'] ?? '', /^(critical|warning)$/, alert);
    assert.ok((annotations?.['summary'] ?? '').length > 10, alert);
    assert.ok((annotations?.['description'] ?? '').length > 40, alert);
    const [file, anchor = ''] = (annotations?.['runbook_url'] ?? '').split('#');
    assert.equal(file, 'docs/OPERATIONS.md', alert);
    assert.ok(anchors.has(anchor), `${alert}: docs/OPERATIONS.md has no heading #${anchor}`);
  }
});

test('every alert has a test in which it fires and one in which it does not', () => {
  const checks = readRuleTests().tests.flatMap(({ promql_expr_test }) => promql_expr_test);
  for (const { alert } of readRules().filter((rule) => rule.alert !== undefined)) {
    const of_alert = checks.filter(({ expr }) => expr.includes(`alertname="${alert}"`));
    const fires = of_alert.map(({ exp_samples }) => exp_samples.length > 0);
    assert.deepEqual([fires.includes(true), fires.includes(false)], [true, true], alert);
  }
});

test('the dashboard can be imported: a data source to choose, titles, descriptions, and expressions in every panel', () => {
  const { panels, templating } = readDashboard();
  assert.ok(templating.list.some(({ name, type }) => name === 'datasource' && type === 'datasource'));
  const drawn = panels.filter(({ type }) => type !== 'row');
  assert.ok(drawn.length >= 30);
  for (const { title, description = '', targets = [] } of drawn) {
    assert.ok(title !== '' && description !== '' && targets.length > 0, title);
  }
});
