/** Waiting for a condition, never for a time. */

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** Told when the time is up: what stands in the way. */
  readonly explain?: () => string | Promise<string>;
}

/** Thrown by a question whose answer cannot come any more: the wait ends at once. */
export class Hopeless extends Error {}

/** Asks again and again until the answer is neither false, null nor undefined, and gives it. An error counts as "not yet" and is shown at the end. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const { timeoutMs = 30_000, everyMs = 50 } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { answer, error } = await attempt(ask);
    if (answer !== undefined && answer !== null && answer !== false) return answer as NonNullable<Exclude<T, false>>;
    if (Date.now() > deadline || error instanceof Hopeless) {
      const explained = await options.explain?.();
      const reasons = [error && `last error: ${error.message}`, explained].filter(Boolean).join('\n');
      const when = error instanceof Hopeless ? 'never' : `not within ${timeoutMs / 1000} s`;
      throw new Error(`${when}: ${what}${reasons === '' ? '' : `\n${reasons}`}`);
    }
    await pause(everyMs);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

async function attempt<T>(ask: () => T | Promise<T>): Promise<{ answer?: T; error?: Error }> {
  try {
    return { answer: await ask() };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}
