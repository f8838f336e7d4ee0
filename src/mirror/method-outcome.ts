/** What a method of the replication service answers. */
import type { Refusal, RefusalDetail } from '../model/refusal.ts';
import type { ReturnCode } from '../model/replica-values.ts';

export interface MethodOutcome {
  readonly returnCode: ReturnCode;
  /** For people: what was done, what goes on, or what to do. */
  readonly sentence: string;
  /** Why it was refused; null: it was not. */
  readonly detail: RefusalDetail | null;
  /** Id of the pair or group; null: there is none. */
  readonly synchronization: string | null;
  /** Id of the job that goes on; null: nothing does. */
  readonly job: string | null;
  /** Id of the aspect that Dissolve leaves; left out: none. */
  readonly settingsState?: string | null;
}

export function refusedOutcome(
  { returnCode, sentence, detail }: Refusal,
  synchronization: string | null,
): MethodOutcome {
  return { returnCode, sentence, detail, synchronization, job: null };
}

export function failedOutcome(sentence: string, synchronization: string | null): MethodOutcome {
  return { returnCode: 4, sentence, detail: null, synchronization, job: null };
}
