/** Durations and sizes as people write them, and back. Values are milliseconds and bytes. */
import { TandemError } from './errors.ts';

const DURATION_UNITS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const SIZE_UNITS = {
  TiB: 2 ** 40,
  GiB: 2 ** 30,
  MiB: 2 ** 20,
  KiB: 2 ** 10,
  TB: 1e12,
  GB: 1e9,
  MB: 1e6,
  kB: 1e3,
  B: 1,
} as const;
const BINARY_UNITS = ['TiB', 'GiB', 'MiB', 'KiB', 'B'] as const;

export const DURATION_FORM = 'a duration such as 300ms, 10s, 5m, 1h30m or 60d';
export const SIZE_FORM = 'a size such as 512MiB, 4GiB or 1.5TB';

/** Reads `300ms`, `10s`, `5m`, `1h30m`, `60d`, `2w`; `0` needs no unit. INVALID_ARGUMENT otherwise. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|[wdhms]))+$/.test(trimmed)) throw badForm(text, DURATION_FORM);
  let ms = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[wdhms])/g)) {
    ms += Number(amount) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS];
  }
  ms = Math.round(ms);
  if (!Number.isSafeInteger(ms)) throw badForm(text, DURATION_FORM);
  return ms;
}

/** Reads `4GiB` (binary), `1.5TB` (decimal), `4096` and `4096B` (bytes). INVALID_ARGUMENT otherwise. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  const unit =
    match?.[2] === '' ? 'B' : Object.keys(SIZE_UNITS).find(name => name.toLowerCase() === match?.[2]?.toLowerCase());
  const bytes = match && unit ? Math.round(Number(match[1]) * SIZE_UNITS[unit as keyof typeof SIZE_UNITS]) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) throw badForm(text, SIZE_FORM);
  return bytes;
}

/** Exact: `parseDuration` gives the same milliseconds again. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const amount = Math.floor(rest / DURATION_UNITS[unit]);
    rest -= amount * DURATION_UNITS[unit];
    if (amount > 0) text += `${amount}${unit}`;
  }
  return text;
}

/** Exact: `parseSize` gives the same bytes again. */
export function formatSize(bytes: number): string {
  const unit = BINARY_UNITS.find(name => bytes >= SIZE_UNITS[name] && bytes % SIZE_UNITS[name] === 0) ?? 'B';
  return `${bytes / SIZE_UNITS[unit]}${unit}`;
}

/** For people, to three digits: `1.46 GiB`, `812 B`. */
export function formatBytes(bytes: number): string {
  const unit = BINARY_UNITS.find(name => bytes >= SIZE_UNITS[name]) ?? 'B';
  const amount = bytes / SIZE_UNITS[unit];
  const digits = unit === 'B' || amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${amount.toFixed(digits)} ${unit}`;
}

/** For people, the two largest units: `3 d 4 h`, `2 min 5 s`, `0.4 s`. */
export function formatElapsed(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

function badForm(text: string, form: string): TandemError {
  return new TandemError('INVALID_ARGUMENT', `“${text}” is not ${form}`);
}
