/** Options that several commands have. */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { CommandCall, OptionSpec } from './command.ts';

export const FOLDER_OPTION: OptionSpec = { flags: '--folder <folder>', about: 'only this folder, by name or GUID' };

export const LIMIT_OPTION: OptionSpec = {
  flags: '--limit <count>',
  about: 'show at most so many',
  fallback: 1000,
  parse: text => parseCount(text, { what: 'limit', from: 1, to: LIMITS.adminRecords }),
};

export function parseCount(
  text: string,
  bounds: { readonly what: string; readonly from: number; readonly to: number },
): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= bounds.from && count <= bounds.to)) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `“${text}” is no ${bounds.what}; give a whole number from ${bounds.from} to ${bounds.to}`,
    );
  }
  return count;
}

/** The file that the first parameter names: below --folder, a UID, or a path that `resolve` makes absolute. */
export function fileOf(
  call: CommandCall,
  resolve: (path: string) => string,
): { readonly folder: string | undefined; readonly file: string } {
  const given = call.parameters[0]!;
  const folder = call.options.folder as string | undefined;
  return { folder, file: folder !== undefined || isUid(given) ? given : resolve(given) };
}

function isUid(text: string): boolean {
  return /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?-v\d+$/i.test(text);
}
