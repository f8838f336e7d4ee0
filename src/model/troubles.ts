/** What of a journal belongs into a health report. [dfsr.md §4.1, reporting rules] */

export interface TroubleEvent {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly number: number;
  readonly name: string;
  readonly severity: string;
  readonly message: string;
  /** What it is about: a folder, a partner. */
  readonly subject: string;
}

export interface Trouble {
  readonly severity: string;
  readonly number: number;
  readonly name: string;
  readonly subject: string;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** Of the last one. */
  readonly message: string;
  /** It has happened since the member last started. */
  readonly sinceStart: boolean;
}

/** Cleaning up staging is everyday work: told only when it happens so often that the quota must be too small. */
const LEAST_COUNT: Readonly<Record<number, number>> = { 4202: 20, 4208: 10 };
const SERVICE_STARTED = 1004;

/** Warnings and errors since `since`, one of a kind and subject; errors first, then the latest. */
export function gatherTroubles(events: readonly TroubleEvent[], since: number): Trouble[] {
  const start = events.findLast(({ number }) => number === SERVICE_STARTED)?.time ?? Number.NEGATIVE_INFINITY;
  const troubleByKind = new Map<string, Trouble>();
  for (const { time, number, name, severity, message, subject } of events) {
    if (time < since || (severity === 'information' && LEAST_COUNT[number] === undefined)) continue;
    const kind = `${number} ${subject}`;
    const known = troubleByKind.get(kind);
    troubleByKind.set(kind, {
      severity,
      number,
      name,
      subject,
      count: (known?.count ?? 0) + 1,
      first: known?.first ?? time,
      last: time,
      message,
      sinceStart: time >= start,
    });
  }
  return [...troubleByKind.values()]
    .filter(({ number, count }) => count >= (LEAST_COUNT[number] ?? 1))
    .sort((a, b) => rank(a) - rank(b) || b.last - a.last);
}

function rank({ severity }: Trouble): number {
  return ['error', 'warning', 'information'].indexOf(severity);
}
