/** A line of the table of events. */
export type Severity = 'information' | 'warning' | 'error';

export interface EventEntry {
  readonly number: number;
  readonly severity: Severity;
  /** What happened, and what an administrator does about it if anything. */
  readonly meaning: string;
}
