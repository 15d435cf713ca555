import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import koffi from 'koffi';
import { type HttpApp, loadHttpEngine } from '../../../../src/pipeline/front/engine.ts';
import { Listener } from '../../../../src/pipeline/front/listener.ts';
import { loadReceiveBuffers } from '../../../../src/pipeline/front/receive_buffers.ts';
import { makeCertificate } from '../../../support/certificate.ts';
import { until } from '../../../support/until.ts';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const BYTES = 96 * 1024;

const libc = koffi.load(null);
const getsockopt: (fd: number, level: number, name: number, value: number[], length: number[]) => number = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *length)',
);
const getpeername: (fd: number, address: Uint8Array, length: number[]) => number = libc.func(
  'int getpeername(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)',
);

/** The sockets that accepted a connection from `client_port`. */
function acceptedFrom(client_port: number): number[] {
  const address = Buffer.alloc(128);
  const files = readdirSync('/proc/self/fd').map(Number);
  return files.filter((fd) => getpeername(fd, address, [address.length]) === 0 && address.readUInt16BE(2) === client_port);
}

/** What a connection to the port has, as the system counts it. */
async function bufferBytesAt(context: TestContext, host: string, port: number): Promise<number> {
  const client = connect(port, host);
  context.after(() => client.destroy());
  await once(client, 'connect');
  const { localPort = 0 } = client;
  await until('the connection is accepted', 5000, () => acceptedFrom(localPort).length > 0);
  const [fd = -1] = acceptedFrom(localPort);
  const value = [0];
  assert.equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, [4]), 0);
  return value[0] ?? 0;
}

const NO_ROUTES = (app: HttpApp): void => {
  app.any('/*', (response) => {
    response.end();
  });
};

for (const host of ['127.0.0.1', '::1']) {
  test(`a connection to ${host} has the buffer that was asked for, twice over`, async (context) => {
    const ports = { engine: await loadHttpEngine(), boundReceiveBuffers: await loadReceiveBuffers(BYTES) };
    const listener = new Listener(ports, NO_ROUTES, { certificate_file: null, key_file: null });
    const port = await listener.listen(host, 0);
    context.after(() => listener.close());
    assert.equal(await bufferBytesAt(context, host, port), 2 * BYTES);
  });
}

test('so has one that speaks TLS, with a renewed certificate too', async (context) => {
  const ports = { engine: await loadHttpEngine(), boundReceiveBuffers: await loadReceiveBuffers(BYTES) };
  const directory = await mkdtemp(join(tmpdir(), 'penstock-receive-buffers-'));
  context.after(() => rm(directory, { recursive: true }));
  const [first, second] = [await makeCertificate(directory, 'first'), await makeCertificate(directory, 'second')];
  const listener = new Listener(ports, NO_ROUTES, { certificate_file: first.certificate, key_file: first.key });
  const port = await listener.listen('127.0.0.1', 0);
  context.after(() => listener.close());
  assert.equal(await bufferBytesAt(context, '127.0.0.1', port), 2 * BYTES);
  await copyFile(second.certificate, first.certificate);
  await copyFile(second.key, first.key);
  assert.ok(await listener.renew());
  assert.equal(await bufferBytesAt(context, '127.0.0.1', port), 2 * BYTES);
});

test('0 leaves it to the system', async (context) => {
  const bound = await loadReceiveBuffers(0);
  const server = createServer().listen(0, '127.0.0.1');
  context.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const before_bytes = await bufferBytesAt(context, '127.0.0.1', address.port);
  bound(address.port);
  assert.equal(await bufferBytesAt(context, '127.0.0.1', address.port), before_bytes);
});

test('it is said when there is nobody whose buffers could be bounded', async () => {
  const bound = await loadReceiveBuffers(BYTES);
  assert.throws(() => bound(1), { code: 'receive_buffer_unset' });
});
