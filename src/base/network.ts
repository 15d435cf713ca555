/** Networks as people write them: an address, or a CIDR such as 10.0.0.0/8. */
import { isIP } from 'node:net';

export interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  /** Leading bits that count. */
  readonly bits: number;
}

const NETWORK = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/;

/** Undefined for what is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', given_bits] = NETWORK.exec(text) ?? [];
  const version = isIP(address);
  const bits_max = version === 6 ? 128 : 32;
  const bits = given_bits === undefined ? bits_max : Number(given_bits);
  return version === 0 || bits > bits_max ? undefined : { address, family: version === 6 ? 'ipv6' : 'ipv4', bits };
}
