/**
 * What the schemas say about their keys. The schema with these notes is the one table from which parser, error
 * messages, `tandem config explain` and docs/CONFIG.md are made.
 */
import { z } from 'zod';
import { ADDRESS_FORM, parseAddress } from '../base/address.ts';
import { messageOf } from '../base/errors.ts';
import {
  DURATION_FORM,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  SIZE_FORM,
} from '../base/sizes-and-durations.ts';

export interface KeyNote {
  /** What may stand there, fitting after “expected”. */
  readonly form: string;
  /** What it means to an administrator. */
  readonly about: string;
  readonly example?: string;
  /** Of a map with free keys: what such a key is, as in `folders.<folder>`. */
  readonly each?: string;
}

export const keyNotes = z.registry<KeyNote>();

const GUID_FORM = 'a GUID such as 3f1b2c9e-5d1a-4c7e-9a55-0d8f6f0e1b7a';

export function textKey() {
  return z.string().min(1);
}

/** Gives the GUID in lower case. */
export function guidKey() {
  return reading(z.string(), text => {
    const guid = text.trim().toLowerCase();
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(guid))
      throw new Error(`“${text}” is not ${GUID_FORM}; “uuidgen” makes one`);
    if (/^[0-]+$/.test(guid)) throw new Error('the GUID of zeros names nothing; “uuidgen” makes a fresh one');
    return guid;
  });
}

/** Gives milliseconds. */
export function durationKey(bounds: { readonly atLeastMs: number; readonly atMostMs?: number }) {
  return reading(z.string(), text => {
    const ms = parseDuration(text);
    if (ms < bounds.atLeastMs)
      throw new Error(`${text} is too short; at least ${formatDuration(bounds.atLeastMs)} is needed`);
    if (bounds.atMostMs !== undefined && ms > bounds.atMostMs)
      throw new Error(`${text} is too long; at most ${formatDuration(bounds.atMostMs)} is allowed`);
    return ms;
  });
}

/** Gives bytes. */
export function sizeKey(bounds: { readonly atLeastBytes: number }) {
  return reading(z.string(), text => {
    const bytes = parseSize(text);
    if (bytes < bounds.atLeastBytes)
      throw new Error(`${text} is too small; at least ${formatSize(bounds.atLeastBytes)} is needed`);
    return bytes;
  });
}

export function addressKey() {
  return reading(z.string(), parseAddress);
}

export const FORMS = { duration: DURATION_FORM, size: SIZE_FORM, address: ADDRESS_FORM, guid: GUID_FORM } as const;

/** A schema that hands the value to `read`; what `read` throws becomes the problem's message. */
export function reading<T>(schema: z.ZodString, read: (text: string) => T) {
  return schema.transform((text, context) => {
    try {
      return read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });
}
