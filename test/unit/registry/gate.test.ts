import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError, errorStatus } from '../../../src/contract/errors.ts';
import type { GateVerdict } from '../../../src/contract/gate.ts';
import { ClaimDesk } from '../../../src/registry/claim_desk.ts';
import { DeliveryDesk } from '../../../src/registry/delivery_desk.ts';
import { RegistryGate } from '../../../src/registry/gate.ts';
import { DESK_LIMITS } from '../../../src/registry/options.ts';
import { hookRequest, idempotency, NOW_MS, request, version } from '../../support/claim_requests.ts';
import { ManualClock } from '../../support/manual_clock.ts';
import { MemoryClaims } from '../../support/memory_claims.ts';

function gate(fleet = new MemoryClaims()): { gate: RegistryGate; fleet: MemoryClaims; tables: Set<string> } {
  const clock = new ManualClock(NOW_MS);
  const observer = { decided: () => undefined, committed: () => undefined, failed: () => undefined };
  const store = { has: () => false, keep: async () => undefined };
  const deliveries = new DeliveryDesk({ store, earlier: { has: () => false }, clock, observer }, DESK_LIMITS);
  const desk = new ClaimDesk({ store: fleet, clock, observer }, DESK_LIMITS);
  deliveries.open();
  desk.open();
  const tables = new Set<string>();
  const fleet_tables = {
    has: (table: string) => tables.has(table),
    add: async (table: string) => {
      tables.add(table);
    },
  };
  return { gate: new RegistryGate({ deliveries, fleet: desk }, fleet_tables), fleet, tables };
}

function detailOf(verdict: GateVerdict): { status: number; detail: string } {
  assert.equal(verdict.kind, 'refused');
  return { status: errorStatus(verdict.code), detail: describeError(verdict.code, verdict.context) };
}

test('another commit for a version is refused in the words of the reference', async () => {
  const { gate: registry } = gate();
  const first = request([version('abc', '1.2.3')]);
  assert.deepEqual(await registry.admit(first), { kind: 'admitted' });
  registry.settle(first, true);
  const refused = await registry.admit(request([version('def', '1.2.3')]));
  assert.deepEqual(detailOf(refused), { status: 409, detail: 'Version 1.2.3 already exists with different SHA' });
});

test('a version of any name is named as it is, whatever a replacement would make of it', async () => {
  const { gate: registry } = gate();
  const name = "{version} $& $' \u0000";
  const first = request([version('abc', name)]);
  await registry.admit(first);
  registry.settle(first, true);
  assert.equal(detailOf(await registry.admit(request([version('def', name)]))).detail, `Version ${name} already exists with different SHA`);
});

test('the same key and body is answered as the first time, and another body is a conflict', async () => {
  const { gate: registry } = gate();
  const first = request([version('abc'), idempotency('key', 'body')], { answer: '{"id":"1"}' });
  await registry.admit(first);
  registry.settle(first, true);
  const again = request([version('abc'), idempotency('key', 'body')], { answer: '{"id":"2"}' });
  assert.deepEqual(await registry.admit(again), { kind: 'repeated', answer: '{"id":"1"}' });
  assert.equal(detailOf(await registry.admit(request([version('abc'), idempotency('key', 'other')]))).status, 409);
});

test('a repeated delivery is told so, and is decided while the fleet’s registry is away', async () => {
  const fleet = new MemoryClaims();
  fleet.is_away = true;
  const { gate: registry, tables } = gate(fleet);
  const first = hookRequest('hook_1');
  assert.deepEqual(await registry.admit(first), { kind: 'admitted' });
  registry.settle(first, true);
  const again = await registry.admit(hookRequest('hook_1'));
  assert.deepEqual(again, { kind: 'repeated', answer: '{"id":"hook_1","status":"duplicate"}' });
  assert.equal(detailOf(await registry.admit(request([version('abc')]))).status, 503);
  assert.deepEqual([...tables], ['events']);
});

test('organizations do not meet in the registry', async () => {
  const { gate: registry } = gate();
  const claims = [version('abc'), idempotency('key')];
  const first = request(claims);
  await registry.admit(first);
  registry.settle(first, true);
  const tenant = { organization_id: 'org_other', project_id: '', environment: '' };
  assert.deepEqual(await registry.admit(request([version('def'), idempotency('key', 'other')], { tenant })), { kind: 'admitted' });
});

test('a request without claims is admitted, whatever the registry does', async () => {
  const fleet = new MemoryClaims();
  fleet.is_away = true;
  const { gate: registry } = gate(fleet);
  const free = request([]);
  assert.deepEqual(await registry.admit(free), { kind: 'admitted' });
  registry.settle(free, true);
});
