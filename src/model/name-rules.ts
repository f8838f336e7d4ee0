/** Which names may stand in a replicated folder. Anything Linux allows and UTF-8 can say is allowed. */
import { LIMITS } from '../base/limits.ts';

/** The hidden directory that Tandem owns directly under the root. */
export const PRIVATE_DIRECTORY = '.tandem';

/** What is wrong with the name of one file; null: nothing. */
export function checkName(name: string): string | null {
  if (name === '') return 'a name is empty';
  if (name === '.' || name === '..') return `“${name}” is not a name`;
  if (name.length > LIMITS.nameBytes) return tooLong(name);
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit === 0x2f) return `the name ${quote(name)} contains “/”`;
    if (unit === 0) return `the name ${quote(name)} contains a NUL character`;
    if (unit >= 0xd800 && unit <= 0xdfff) {
      if (!isPairAt(name, i)) return `the name ${quote(name)} is not valid Unicode`;
      i++;
    }
  }
  return utf8Length(name) > LIMITS.nameBytes ? tooLong(name) : null;
}

/** Names that a partner must not send and a scan must not report. */
export function isReserved(parentIsRoot: boolean, name: string): boolean {
  return parentIsRoot && name === PRIVATE_DIRECTORY;
}

/** Bytes of the text in UTF-8; a lone surrogate counts as the replacement character it would become. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else {
      bytes += 2;
      // Four bytes for the two units of a pair.
      if (isPairAt(text, i)) i++;
    }
  }
  return bytes;
}

/** Whether the text has a surrogate without its other half: it could not travel as UTF-8. */
export function hasLoneSurrogate(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (!isPairAt(text, i)) return true;
    i++;
  }
  return false;
}

function isPairAt(text: string, index: number): boolean {
  const next = text.charCodeAt(index + 1);
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 && (next & 0xfc00) === 0xdc00;
}

function tooLong(name: string): string {
  return `the name ${quote(name)} is longer than ${LIMITS.nameBytes} bytes`;
}

/** Harmless to print, whatever the name holds, and short. */
function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}
