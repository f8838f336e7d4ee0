/** The sixteen bandwidth levels of a schedule's quarter-hours and of forced replication. [dfsr.md §1.1] */

interface LevelEntry {
  readonly name: string;
  /** Kilobits of 1000 bits a second; null: not throttled. */
  readonly kbps: number | null;
}

/** By number, 0x0 to 0xF. */
export const BANDWIDTH_LEVELS: readonly LevelEntry[] = [
  { name: 'off', kbps: 0 },
  { name: '16kbps', kbps: 16 },
  { name: '64kbps', kbps: 64 },
  { name: '128kbps', kbps: 128 },
  { name: '256kbps', kbps: 256 },
  { name: '512kbps', kbps: 512 },
  { name: '1Mbps', kbps: 1024 },
  { name: '2Mbps', kbps: 2048 },
  { name: '4Mbps', kbps: 4096 },
  { name: '8Mbps', kbps: 8192 },
  { name: '16Mbps', kbps: 16_384 },
  { name: '32Mbps', kbps: 32_768 },
  { name: '64Mbps', kbps: 65_536 },
  { name: '128Mbps', kbps: 131_072 },
  { name: '256Mbps', kbps: 262_144 },
  { name: 'full', kbps: null },
];

export const LEVEL_OFF = 0;
export const LEVEL_FULL = 15;
export const LEVEL_FORM = `one of ${BANDWIDTH_LEVELS.map(({ name }) => name).join(', ')}`;

export function isLevel(value: number): boolean {
  return Number.isInteger(value) && value >= LEVEL_OFF && value <= LEVEL_FULL;
}

/** The level of that name; `1mbps` and `1 Mbps` will do too. Undefined if there is none. */
export function levelNamed(text: string): number | undefined {
  const wanted = text.replaceAll(/\s/g, '').toLowerCase();
  const found = BANDWIDTH_LEVELS.findIndex(({ name }) => name.toLowerCase() === wanted);
  return found === -1 ? undefined : found;
}

export function levelName(level: number): string {
  return BANDWIDTH_LEVELS[level]?.name ?? `level ${level}`;
}

/** Null: not throttled. 0: nothing at all. */
export function bytesPerSecond(level: number): number | null {
  const kbps = BANDWIDTH_LEVELS[level]!.kbps;
  return kbps === null ? null : kbps * 125;
}
