import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isZstdFrame, ZstdFrame } from '../../../src/base/zstd_frame.ts';

/** By Node 22: of a few bytes, with a checksum, of nothing, of several blocks, from a stream without its size, not compressible, of zeros alone. */
const FRAMES: Readonly<Record<string, string>> = {
  short: 'KLUv/SAFKQAAaGVsbG8=',
  checksum: 'KLUv/SRkZQAAKGhlbGxvAQCMqWgBczNULA==',
  empty: 'KLUv/SAAAQAA',
  blocks: 'KLUv/aSAGgYAbAAAKGhlbGxvAQD4/8iLFkwAAAhsAQD8/zkQAkwAAAhvAQD8/zkQAkUAAAhlAQB82gMhiaCOpw==',
  stream: 'KLUv/QBYGAAAaGVsEQAAbG8=',
  raw: 'KLUv/SBGMQIAAMImLNQeCpjImg4k3DYy0BDydpxkztqI2MpelGzmAsAgIsYM9H6qeOj6rgT8ltKwMFIWfIQuemj4Kv50jEaioECCZuwU3g==',
  zeros: 'KLUv/aDgkwQAVAAAEAAAAQD7/znAAgIAEAADnwQA',
};

test('a frame is one from its first to its last byte, whatever the parts that it comes in', () => {
  for (const [name, text] of Object.entries(FRAMES)) {
    const bytes = Buffer.from(text, 'base64');
    assert.equal(isZstdFrame(bytes), true, name);
    for (let part_bytes = 1; part_bytes < bytes.length; part_bytes++) {
      const frame = new ZstdFrame();
      for (let at = 0; at < bytes.length; at += part_bytes) frame.push(bytes.subarray(at, at + part_bytes));
      assert.equal(frame.isComplete(), true, `${name} in parts of ${part_bytes}`);
    }
  }
});

test('what is cut short is none, and neither is what goes on', () => {
  for (const [name, text] of Object.entries(FRAMES)) {
    const bytes = Buffer.from(text, 'base64');
    for (let length = 0; length < bytes.length; length++)
      assert.equal(isZstdFrame(bytes.subarray(0, length)), false, `${length} of ${name}`);
    for (const more of [bytes, Buffer.of(0), Buffer.from('x')]) {
      assert.equal(isZstdFrame(Buffer.concat([bytes, more])), false, name);
      const frame = new ZstdFrame();
      for (const part of [bytes, more]) frame.push(part);
      assert.equal(frame.isComplete(), false, name);
    }
  }
});
