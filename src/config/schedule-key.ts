/** The key `schedule` of group.yaml: text for people, or a map with UTC, or with the digits of each day. */
import { z } from 'zod';
import { DAYS, isConstant, type Schedule } from '../model/schedule.ts';
import { DAY_FORM, parseDay, parseWeek, RULES_FORM } from '../model/schedule-text.ts';
import { keyNotes, reading } from './key-notes.ts';

export const SCHEDULE_FORM = `${RULES_FORM}; or a map with the keys time and week, or time and sunday to saturday`;

const rules = () => reading(z.string(), parseWeek);

const day = (name: string) =>
  reading(z.string(), parseDay)
    .optional()
    .register(keyNotes, {
      form: DAY_FORM,
      about: `The levels of ${name} from 00:00 on, as DFS Replication writes them: 0 nothing, 1 to e throttled, f full. With one day all seven are needed.`,
    });

const map = z
  .strictObject({
    time: z.enum(['local', 'utc']).prefault('local').register(keyNotes, {
      form: 'local or utc',
      about: 'By which clock: the receiving member’s own, daylight saving included, or UTC.',
    }),
    week: rules().optional().register(keyNotes, { form: RULES_FORM, about: 'The rules of the week.' }),
    sunday: day('Sunday'),
    monday: day('Monday'),
    tuesday: day('Tuesday'),
    wednesday: day('Wednesday'),
    thursday: day('Thursday'),
    friday: day('Friday'),
    saturday: day('Saturday'),
  })
  .transform(({ time, week, ...days }, context): Schedule => {
    const missing = DAYS.filter(name => days[name] === undefined);
    if (week !== undefined && missing.length === DAYS.length) return makeSchedule(week, time);
    const complain = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (week !== undefined) return complain('give either week or the seven days, not both');
    if (missing.length > 0) return complain(`the levels of ${missing.join(', ')} are missing; or give week instead`);
    return makeSchedule(DAYS.map(name => days[name]).join(''), time);
  });

/** Gives a `Schedule`. Text is by the receiving member's own clock. */
export function scheduleKey() {
  return z.union([rules().transform(week => makeSchedule(week, 'local')), map]);
}

/** A week that is the same all the time means the same by any clock. */
function makeSchedule(week: string, time: Schedule['time']): Schedule {
  return { week, time: isConstant(week) ? 'utc' : time };
}
