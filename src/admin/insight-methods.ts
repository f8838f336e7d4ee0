/** The methods of the admin API by which an administrator waits, finds reasons and reports. */
import { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import type { InsightBackend } from './insight.ts';
import type { AdminMethod } from './methods.ts';
import { waitNoun } from './records/wait.ts';
import { whyNoun } from './records/why.ts';

const name = z.string().min(1).max(4096);

export const INSIGHT_METHODS = {
  waitForMember: {
    rpc: 'WaitForMember',
    request: z.strictObject({ folder: name, member: name, timeoutMs: z.int().min(1).max(LIMITS.waitMs) }),
    records: { progress: waitNoun },
    stream: true,
  },
  why: {
    rpc: 'ExplainFile',
    request: z.strictObject({ folder: name.optional(), file: name }),
    records: { holds: whyNoun },
  },
} as const satisfies Record<keyof InsightBackend, AdminMethod>;
