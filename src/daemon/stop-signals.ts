/** SIGTERM and SIGINT as an abort signal; or the caller's own. */
export function stopSignals(own: AbortSignal | undefined): { readonly signal: AbortSignal; dispose(): void } {
  if (own) return { signal: own, dispose: () => {} };
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const dispose = () => {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  };
  return { signal: controller.signal, dispose };
}
