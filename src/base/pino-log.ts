/** The log of the daemon: JSON lines for machines, or plain lines for people. */
import pino from 'pino';
import type { Log } from './log.ts';

export const LOG_FORMATS = ['json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: LogFormat;
  /** Takes one line with its newline. */
  readonly write: (line: string) => void;
}

export function createLog({ level, format, write }: LogOptions): Log {
  const destination = { write: format === 'json' ? write : (line: string) => write(formatLine(line)) };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  };
  return pino(options, destination);
}

/** `10:22:31.120 warn  a message  folder=docs files=3` */
function formatLine(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
  );
  return `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(msg)}${shown.length > 0 ? `  ${shown.join(' ')}` : ''}\n`;
}
