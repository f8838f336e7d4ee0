/** Errors of the operating system, known by their errno names: `ENOENT`, `ENOSPC`, … */

/** The errno name of a failed call, '' for anything else that was thrown. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : '';
}

/** An error as the operating system would give it. */
export function errnoError(code: string, detail: string): Error & { readonly code: string } {
  return Object.assign(new Error(`${code}: ${detail}`), { code });
}
