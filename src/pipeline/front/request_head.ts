/**
 * Reads what matters of a request's head, and refuses what must not be read any further. uWebSockets.js leaves it to us to see
 * that length headers agree: two readers that disagree on where a body ends is how requests are smuggled.
 */
import { assert } from '../../base/assert.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { type Coding, formatNumber, type Media, PLAIN_FORMAT } from '../../contract/format.ts';
import type { Credential } from '../../contract/source.ts';
import { codingOf, mediaOf } from './request_format.ts';

/** What is read of a request: its headers, names in lower case. */
export interface HeaderSource {
  forEach(callback: (name: string, value: string) => void): void;
}

/** What is read of a request's URL: a parameter, decoded. */
export interface QuerySource {
  getQuery(name: string): string | undefined;
}

const UNSET = -1;

export class RequestHead {
  api_key = '';
  authorization = '';
  /** Undefined for a media type that is none of ours. */
  media: Media | undefined = 'json';
  /** Undefined for one that is unknown here, and for several on top of each other. */
  coding: Coding | undefined = 'identity';
  idempotency_key = '';
  /** `X-Forwarded-For`, repeated ones joined by commas. */
  forwarded_for = '';
  /** Of the body in bytes; -1 when it comes in chunks or there is none. */
  content_length = UNSET;
  is_chunked = false;
  /** Length headers that are malformed, repeated, or contradict each other: the connection cannot be trusted any further. */
  lengths_conflict = false;
  private has_coding = false;

  constructor(request: HeaderSource) {
    request.forEach((name, value) => {
      this.take(name, value);
    });
    if (this.is_chunked && this.content_length !== UNSET) this.lengths_conflict = true;
  }

  /**
   * Why the body must not be read, in the order in which a client should learn it.
   *
   * @param media what the route takes
   */
  problem(body_bytes_max: number, media: readonly Media[]): ErrorCode | undefined {
    if (this.content_length > body_bytes_max) return 'body_too_large';
    if (this.coding === undefined) return 'encoding_unsupported';
    return this.media !== undefined && media.includes(this.media) ? undefined : 'media_type_unsupported';
  }

  /** The format of the body, when `problem` has found none. */
  format(): number {
    const { media, coding } = this;
    assert(media !== undefined && coding !== undefined, 'BUG: the format is asked for of a body that must not be read');
    return media === 'json' && coding === 'identity' ? PLAIN_FORMAT : formatNumber({ media, coding });
  }

  /** The key that the client presents; empty when there is none. The URL is only looked at where a route allows a key in it. */
  credential(places: readonly Credential[], query: QuerySource): string {
    for (const place of places) {
      const presented = this.presented(place, query);
      if (presented !== '') return presented;
    }
    return '';
  }

  private presented(place: Credential, query: QuerySource): string {
    switch (place) {
      case 'x-api-key':
        return this.api_key;
      case 'bearer':
        return bearerToken(this.authorization);
      case 'query':
        return query.getQuery('key') ?? '';
    }
  }

  private take(name: string, value: string): void {
    switch (name) {
      case 'x-api-key':
        this.api_key = value;
        break;
      case 'authorization':
        this.authorization = value;
        break;
      case 'content-type':
        this.media = mediaOf(value);
        break;
      case 'content-encoding':
        this.coding = this.has_coding ? undefined : codingOf(value);
        this.has_coding = true;
        break;
      case 'idempotency-key':
        this.idempotency_key = value;
        break;
      case 'x-forwarded-for':
        this.forwarded_for = this.forwarded_for === '' ? value : `${this.forwarded_for},${value}`;
        break;
      case 'content-length':
        this.takeLength(value);
        break;
      case 'transfer-encoding':
        if (this.is_chunked || value.toLowerCase() !== 'chunked') this.lengths_conflict = true;
        this.is_chunked = true;
        break;
    }
  }

  private takeLength(value: string): void {
    if (this.content_length !== UNSET || !/^[0-9]{1,15}$/.test(value)) this.lengths_conflict = true;
    this.content_length = Number.parseInt(value, 10);
  }
}

function bearerToken(authorization: string): string {
  return /^bearer /i.test(authorization) ? authorization.slice('bearer '.length).trim() : '';
}
