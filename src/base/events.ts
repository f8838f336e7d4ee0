/**
 * The closed table of events. Numbers are stable and never reused: where DFS Replication has a number for the same
 * happening it is kept, our own start at 20000. Documented in docs/EVENTS.md, which is generated from this table.
 */

import type { Severity } from './event-entry.ts';
import { FOLDER_EVENTS } from './folder-events.ts';
import { VOLUME_EVENTS } from './volume-events.ts';

export const EVENTS = { ...FOLDER_EVENTS, ...VOLUME_EVENTS } as const;

export type EventName = keyof typeof EVENTS;

/** Puts an event into the journal and the log. Never rejects, never waits. */
export type Emit = (name: EventName, message: string, fields?: EventContent['fields']) => void;

/** What the journal stores of an event. Field names are camelCase; by custom `folder`, `member`, `partner`, `path`, `connection`. */
export interface EventContent {
  readonly time: number;
  readonly number: number;
  readonly name: EventName;
  readonly severity: Severity;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** An event ready for the journal. `message` is a sentence for people; `time` is in milliseconds since the Unix epoch. */
export function makeEvent(
  name: EventName,
  content: { readonly time: number; readonly message: string; readonly fields?: EventContent['fields'] },
): EventContent {
  const { number, severity } = EVENTS[name];
  return { time: content.time, number, name, severity, message: content.message, fields: content.fields ?? {} };
}
