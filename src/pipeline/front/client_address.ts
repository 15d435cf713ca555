/**
 * Whose request it is by network address: the peer's, or, when the peer is a trusted proxy, the one that the proxies saw.
 *
 * `X-Forwarded-For` grows to the right, and a client can send one of its own: so it is read from the right, past the proxies that
 * are trusted, and the first address that is not one of theirs counts. Anything that is no address ends the reading: then the last
 * trusted proxy counts, which treats those behind it as one.
 */
import { BlockList, isIP } from 'node:net';
import { assert } from '../../base/assert.ts';
import { parseNetwork } from '../../base/network.ts';

/** An IPv4 address as a socket of IPv6 shows it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** More proxies in a row than anybody has. */
const HOPS_MAX = 32;

export class TrustedProxies {
  private readonly trusted = new BlockList();
  readonly is_empty: boolean;

  /** @param networks addresses and CIDRs, which were checked */
  constructor(networks: readonly string[]) {
    this.is_empty = networks.length === 0;
    for (const text of networks) {
      const network = parseNetwork(text);
      assert(network !== undefined, 'BUG: a trusted proxy that is no address passed the check of the configuration');
      this.trusted.addSubnet(network.address, network.bits, network.family);
    }
  }

  /**
   * @param peer address of the connection, as text
   * @param forwarded_for the header, several joined by commas; empty without one
   */
  clientOf(peer: string, forwarded_for: string): string {
    let client = plain(peer);
    if (this.is_empty || forwarded_for === '' || !this.trusts(client)) return client;
    for (const hop of forwarded_for.split(',').slice(-HOPS_MAX).reverse()) {
      const address = plain(hop.trim());
      if (isIP(address) === 0) return client;
      client = address;
      if (!this.trusts(address)) return client;
    }
    return client;
  }

  private trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

function plain(address: string): string {
  const mapped = MAPPED.exec(unabridged(address));
  return mapped?.[1] ?? address;
}

/** uWebSockets.js writes IPv6 in full: eight groups of four digits. */
function unabridged(address: string): string {
  const groups = /^(?:0000:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i.exec(address);
  return groups === null
    ? address
    : `::ffff:${groups
        .slice(1)
        .map((digits) => Number.parseInt(digits, 16))
        .join('.')}`;
}
