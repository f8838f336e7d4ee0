import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createJob,
  expiredJobs,
  isJobOver,
  type Job,
  type JobEvent,
  requestJobState,
  stepJob,
} from '../../../src/model/concrete-job.ts';
import { JOB_REQUESTS, namesIn } from '../../../src/model/replica-values.ts';

const event: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.constantFrom<JobEvent>(
    { type: 'begins' },
    { type: 'pauses' },
    { type: 'goes-on' },
    { type: 'completed' },
    { type: 'terminated' },
    { type: 'killed' },
    { type: 'failed', errorCode: 4, errorDescription: 'the disk is full' },
  ),
  fc.record({
    type: fc.constant('progress' as const),
    percentComplete: fc.float({ min: 0, max: 100, noNaN: true }),
    cancellable: fc.boolean(),
  }),
);
const fresh = createJob('job-1', 'Resync Replica of orders', 5);
const running = stepJob(fresh, { type: 'begins' }, 6)!;

test('a job that has ended stays as it is, progress never goes back, and 100 is the end and nothing else', () => {
  const requests = fc.constantFrom(...namesIn(JOB_REQUESTS));
  fc.assert(
    fc.property(fc.array(fc.oneof(event, requests), { maxLength: 40 }), steps => {
      let job: Job = fresh;
      for (const each of steps) {
        const answer = typeof each === 'string' ? requestJobState(job, each, false) : null;
        const next = typeof each === 'string' ? (answer && 'job' in answer ? answer.job : null) : stepJob(job, each, 9);
        if (isJobOver(job.state)) expect(next).toBeNull();
        if (next === null) continue;
        expect(next.percentComplete).toBeGreaterThanOrEqual(job.percentComplete);
        expect(next.percentComplete === 100).toBe(next.state === 'Completed');
        expect(next.endedAt !== null).toBe(isJobOver(next.state));
        expect(next.errorCode !== 0).toBe(next.state === 'Exception');
        job = next;
      }
    }),
  );
});

test('what is asked for is begun, refused in the wrong state, or refused while it would do harm', () => {
  expect(requestJobState(running, 'Terminate', false)).toMatchObject({
    returnCode: 4096,
    job: { state: 'Shutting Down' },
  });
  expect(requestJobState({ ...running, cancellable: false }, 'Kill', false)).toEqual({ returnCode: 4099 });
  expect(requestJobState(running, 'Start', false)).toEqual({ returnCode: 4097 });
  expect(requestJobState(running, 'Service', false)).toEqual({ returnCode: 4097 });
  expect(requestJobState(running, 'Suspend', true)).toEqual({ returnCode: 4098 });
  const done = stepJob(running, { type: 'completed' }, 7)!;
  expect(requestJobState(done, 'Terminate', false)).toEqual({ returnCode: 4097 });
});

test('only jobs that ended long enough ago are forgotten', () => {
  const done = stepJob(running, { type: 'completed' }, 100)!;
  expect(expiredJobs([running, done], { now: 199, keepMs: 100 })).toEqual([]);
  expect(expiredJobs([running, done], { now: 200, keepMs: 100 })).toEqual([done]);
});
