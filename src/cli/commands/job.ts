/** Operations that go on after they were answered. */
import { jobNoun } from '../../admin/records/replica.ts';
import { JOB_REQUESTS, numberOf } from '../../model/replica-values.ts';
import type { CommandSpec } from '../command.ts';
import { printRecord, printRecords } from '../records-output.ts';
import { printOutcome } from './replica-options.ts';

const JOB = { usage: '<job>', about: 'the job, by its id or the beginning of it' };

export const jobCommands: readonly CommandSpec[] = [
  {
    words: ['job', 'list'],
    summary: 'list operations on replicas that go on, and those that ended of late',
    examples: ['job list', 'job list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { jobs } = await client.jobs();
        printRecords(call, { noun: jobNoun, rows: jobs, none: 'no jobs' });
      }),
  },
  {
    words: ['job', 'show'],
    summary: 'show all that is known of a job',
    parameters: [JOB],
    examples: ['job show 1c9e'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { job } = await client.job({ job: call.parameters[0]! });
        printRecord(call, jobNoun, job);
      }),
  },
  {
    words: ['job', 'cancel'],
    summary: 'give up what a job does, in order',
    parameters: [JOB],
    options: [{ flags: '--kill', about: 'without waiting for what is on its way' }],
    examples: ['job cancel 1c9e'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const requestedState = numberOf(JOB_REQUESTS, call.options.kill === true ? 'Kill' : 'Terminate');
        printOutcome(call, await client.changeJob({ job: call.parameters[0]!, requestedState }));
      }),
  },
];
