/** The methods of the admin API by which an administrator waits, finds reasons and reports. */
import { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import type { InsightBackend } from './insight.ts';
import type { AdminMethod } from './methods.ts';
import { groupMemberNoun } from './records/group-member.ts';
import { propagationNoun } from './records/propagation.ts';
import { waitNoun } from './records/wait.ts';
import { whyNoun } from './records/why.ts';

const name = z.string().min(1).max(4096);
const timeoutMs = z.int().min(1).max(LIMITS.waitMs);

export const INSIGHT_METHODS = {
  waitForMember: {
    rpc: 'WaitForMember',
    request: z.strictObject({ folder: name, member: name, timeoutMs }),
    records: { progress: waitNoun },
    stream: true,
  },
  why: {
    rpc: 'ExplainFile',
    request: z.strictObject({ folder: name.optional(), file: name }),
    records: { holds: whyNoun },
  },
  propagationTest: {
    rpc: 'TestPropagation',
    request: z.strictObject({ folder: name, timeoutMs }),
    records: { row: propagationNoun },
    stream: true,
  },
  propagationReport: {
    rpc: 'ListPropagations',
    request: z.strictObject({ folder: name.optional(), limit: z.int().min(1).max(LIMITS.adminRecords) }),
    records: { rows: propagationNoun },
  },
  groupMembers: { rpc: 'ListMembers', request: z.strictObject({}), records: { members: groupMemberNoun } },
} as const satisfies Record<keyof InsightBackend, AdminMethod>;
