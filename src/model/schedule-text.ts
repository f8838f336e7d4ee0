/**
 * Schedules as people write them: `mon-fri 08:00-18:00: 1Mbps, else: full`. Rules are days, times, or both, then a colon
 * and a bandwidth level. The first rule that fits a quarter-hour decides; `else` fits all; where none fits nothing moves.
 */
import { LEVEL_FORM, LEVEL_FULL, LEVEL_OFF, levelNamed } from './bandwidth.ts';
import { DAYS, QUARTERS_A_DAY, weekOf } from './schedule.ts';

export const RULES_FORM =
  'a schedule: always, never, or rules such as “mon-fri 08:00-18:00: 1Mbps, sat,sun: off, else: full”';
export const DAY_FORM = `${QUARTERS_A_DAY} hexadecimal digits, one bandwidth level for each quarter-hour of the day`;

interface Rule {
  readonly days: ReadonlySet<number>;
  /** Quarters of a day; `to` up to 24 hours after `from`, so over midnight into the next day. */
  readonly times: readonly { readonly from: number; readonly to: number }[];
  readonly level: number;
}

interface Token {
  readonly kind: 'time' | 'word' | 'colon' | 'comma';
  readonly text: string;
}

const EVERY_DAY: ReadonlySet<number> = new Set(DAYS.keys());
const WHOLE_DAY = [{ from: 0, to: QUARTERS_A_DAY }] as const;
const TOKENS = /\s*(?:(\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2})|([\p{L}\p{N}.]+(?:-[\p{L}\p{N}.]+)?)|(:)|([,;])|(\S))/gu;

/** The week's 672 levels as hexadecimal digits. Throws an `Error` whose message says what is wrong. */
export function parseWeek(text: string): string {
  const plain = text.trim().toLowerCase();
  if (plain === 'always') return weekOf(LEVEL_FULL);
  if (plain === 'never') return weekOf(LEVEL_OFF);
  const levels: (number | undefined)[] = Array(DAYS.length * QUARTERS_A_DAY).fill(undefined);
  for (const rule of readRules(text)) {
    for (const day of rule.days) {
      for (const { from, to } of rule.times) {
        for (let quarter = from; quarter < to; quarter++) {
          levels[(day * QUARTERS_A_DAY + quarter) % levels.length] ??= rule.level;
        }
      }
    }
  }
  return levels.map(level => (level ?? LEVEL_OFF).toString(16)).join('');
}

/** One day's 96 levels in lower case. Throws an `Error` whose message says what is wrong. */
export function parseDay(text: string): string {
  const digits = text.replaceAll(/\s/g, '').toLowerCase();
  if (!/^[0-9a-f]*$/.test(digits)) throw new Error(`“${text}” is not ${DAY_FORM}`);
  if (digits.length !== QUARTERS_A_DAY) throw new Error(`expected ${DAY_FORM}, found ${digits.length}`);
  return digits;
}

function readRules(text: string): Rule[] {
  const tokens = tokenize(text);
  const rules: Rule[] = [];
  let at = 0;
  let others = false;
  while (at < tokens.length) {
    const end = tokens.findIndex((token, index) => index >= at && token.kind === 'colon');
    const level = tokens[end + 1];
    if (end === -1 || level?.kind !== 'word') {
      throw new Error(`after “${textOf(tokens.slice(at))}” a colon and a level are missing; write ${RULES_FORM}`);
    }
    // “1 Mbps” is two words.
    const unit = tokens[end + 2]?.kind === 'word' && levelNamed(level.text) === undefined ? tokens[end + 2]! : null;
    if (others) throw new Error('“else” stands last: no rule after it is ever looked at');
    const head = tokens.slice(at, end);
    others = head.length === 1 && ['else', 'otherwise'].includes(head[0]!.text);
    rules.push({ ...(others ? { days: EVERY_DAY, times: WHOLE_DAY } : readHead(head)), level: readLevel(level, unit) });
    at = end + (unit ? 3 : 2);
    if (at < tokens.length && tokens[at]!.kind !== 'comma') {
      throw new Error(`a comma is missing before “${textOf(tokens.slice(at))}”`);
    }
    at++;
  }
  if (rules.length === 0) throw new Error(`expected ${RULES_FORM}`);
  return rules;
}

function tokenize(text: string): Token[] {
  return [...text.matchAll(TOKENS)].map(([, time, word, colon, comma, other]) => {
    if (other !== undefined) throw new Error(`“${other}” has no place in a schedule; write ${RULES_FORM}`);
    if (time !== undefined) return { kind: 'time', text: time };
    if (word !== undefined) return { kind: 'word', text: word.toLowerCase() };
    return colon === undefined ? { kind: 'comma', text: comma! } : { kind: 'colon', text: colon };
  });
}

/** `mon-fri, sun 08:00-12:00, 13:00-18:00` */
function readHead(tokens: readonly Token[]): Pick<Rule, 'days' | 'times'> {
  const days = tokens.filter(token => token.kind === 'word').flatMap(token => readDays(token.text));
  const times = tokens.filter(token => token.kind === 'time').map(token => readTimes(token.text));
  if (days.length + times.length === 0)
    throw new Error(`a rule names days or times before its colon; write ${RULES_FORM}`);
  const firstTime = tokens.findIndex(token => token.kind === 'time');
  if (firstTime !== -1 && tokens.slice(firstTime).some(token => token.kind === 'word')) {
    throw new Error(`in “${textOf(tokens)}” days stand before times; give other days a rule of their own`);
  }
  return { days: days.length === 0 ? EVERY_DAY : new Set(days), times: times.length === 0 ? WHOLE_DAY : times };
}

function readDays(text: string): number[] {
  const [first, last = first] = text.split('-').map(readDay) as [number, number?];
  const count = ((last - first + DAYS.length) % DAYS.length) + 1;
  return Array.from({ length: count }, (_, i) => (first + i) % DAYS.length);
}

function readDay(text: string): number {
  const found = text.length < 2 ? -1 : DAYS.findIndex(day => day.startsWith(text));
  if (found === -1) throw new Error(`“${text}” is not a day; write sun, mon, tue, wed, thu, fri or sat`);
  return found;
}

function readTimes(text: string): { from: number; to: number } {
  const [from, to] = text.split('-').map(readTime) as [number, number];
  if (from === to) throw new Error(`${text} is no time at all; leave the times out for the whole day`);
  if (from === QUARTERS_A_DAY) throw new Error(`${text} begins when the day has ended; write 00:00 for its beginning`);
  return { from, to: to > from ? to : to + QUARTERS_A_DAY };
}

function readTime(text: string): number {
  const [hours, minutes] = text.trim().split(':').map(Number) as [number, number];
  if (hours > 24 || minutes > 59 || (hours === 24 && minutes > 0)) throw new Error(`there is no time ${text.trim()}`);
  if (minutes % 15 !== 0)
    throw new Error(`${text.trim()} is not on a quarter-hour; a schedule is made of quarter-hours`);
  return hours * 4 + minutes / 15;
}

function readLevel(token: Token, unit: Token | null): number {
  const text = token.text + (unit?.text ?? '');
  const level = levelNamed(text);
  if (level === undefined) throw new Error(`“${text}” is no bandwidth level; write ${LEVEL_FORM}`);
  return level;
}

function textOf(tokens: readonly Token[]): string {
  return tokens
    .map(({ kind, text }) => (kind === 'colon' || kind === 'comma' ? text : ` ${text}`))
    .join('')
    .trim();
}
