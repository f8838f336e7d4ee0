/**
 * Fetches content over one connection: small files many to a request, a few large ones at a time beside them. Holds
 * the sender to the bytes it was given credit for. Everything it accepts it answers through the folder's flow.
 */
import { setMaxListeners } from 'node:events';
import { Bell } from '../base/bell.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { StageItem } from '../disk/disk.ts';
import type { Hash64 } from '../model/chunk-groups.ts';
import type { ContentAnswer, ContentRequest, FolderLink, Wanted } from '../peer/link.ts';
import type { FolderCore } from './folder-core.ts';
import { fetchLargeFile, type LargeFileChannel, movedOn, reasonText } from './large-file.ts';
import { stagingIdOf } from './local-content.ts';
import type { ContentSource, PendingUpdate } from './pending.ts';
import type { UpdateFlow } from './update-flow.ts';

const FILES_PER_REQUEST = 256;
const BYTES_PER_REQUEST = 1024 * 1024;
/** Of any size; more while together they are small, since each waits for its partner and its disk several times. */
const LARGE_FILES_AT_ONCE = 4;
const SMALLER_FILES_AT_ONCE = 64;
const SMALLER_FILES_BYTES = 16 * 1024 * 1024;
const STAGING_CALLS_AT_ONCE = 3;
const QUOTA_PAUSE_MS = 200;
/** A quota that stays used up is told of at most so often. */
const FULL_TOLD_MS = 60_000;

export interface FetchTarget {
  readonly core: FolderCore;
  readonly flow: UpdateFlow;
}

interface Job {
  readonly target: FetchTarget;
  readonly item: PendingUpdate;
}

export class ContentFetcher {
  readonly #connection: string;
  readonly #hash64: Hash64;
  readonly #small: Job[] = [];
  readonly #large: Job[] = [];
  readonly #bell = new Bell();
  #run: FetchRun | null = null;
  /** Content bytes that arrived over this connection. */
  bytesReceived = 0;
  readonly #fullToldAt = new Map<FolderCore, number>();

  constructor(connection: string, hash64: Hash64) {
    this.#connection = connection;
    this.#hash64 = hash64;
  }

  source(target: FetchTarget): ContentSource {
    return {
      fetch: item => {
        if (!this.#run) return void target.flow.fetchFailed(item, 'lost', 'the connection is gone');
        item.stage = 'scheduled';
        item.reason = 'waits to be fetched';
        (item.update.size <= LIMITS.wholeFileBytes ? this.#small : this.#large).push({ target, item });
        this.#bell.ring();
      },
    };
  }

  /** Serves until the stream or the signal ends; then everything not yet fetched is lost. */
  async run(link: FolderLink, signal: AbortSignal): Promise<void> {
    const run = new FetchRun(signal, bytes => {
      this.bytesReceived += bytes;
    });
    this.#run = run;
    try {
      const answers = link.fetchContent(run.requests(), this.#connection, signal);
      const feeding = this.#feed(run, signal);
      await run.receive(answers);
      run.end();
      await feeding;
    } finally {
      run.end();
      this.#run = null;
      for (const { target, item } of [...run.takeUnfinished(), ...this.#small.splice(0), ...this.#large.splice(0)]) {
        target.flow.fetchFailed(item, 'lost', 'the connection broke off');
      }
    }
  }

  async #feed(run: FetchRun, signal: AbortSignal): Promise<void> {
    const large = { files: 0, bytes: 0 };
    const mayBegin = ({ item: { update } }: Job): boolean =>
      large.files < LARGE_FILES_AT_ONCE ||
      (large.files < SMALLER_FILES_AT_ONCE && large.bytes + update.size <= SMALLER_FILES_BYTES);
    while (!signal.aborted && !run.ended) {
      while (this.#small.length > 0 && run.filesOnTheWay < LIMITS.contentRequestsOnTheWay - FILES_PER_REQUEST) {
        const jobs: Job[] = [];
        let bytes = 0;
        while (this.#small.length > 0 && jobs.length < FILES_PER_REQUEST && bytes < BYTES_PER_REQUEST) {
          if (!this.#hasRoom(this.#small[0]!)) break;
          const job = this.#small.shift()!;
          jobs.push(job);
          bytes += job.item.update.size;
        }
        if (jobs.length === 0) break;
        run.askWhole(jobs);
      }
      while (this.#large.length > 0 && mayBegin(this.#large[0]!) && this.#hasRoom(this.#large[0]!)) {
        const job = this.#large.shift()!;
        const { size } = job.item.update;
        large.files++;
        large.bytes += size;
        void run.fetchLarge(job, this.#hash64).finally(() => {
          large.files--;
          large.bytes -= size;
          this.#bell.ring();
        });
      }
      run.onRoom = () => this.#bell.ring();
      await this.#bell.heard(run.signal);
    }
  }

  #hasRoom({ target, item }: Job): boolean {
    const { core } = target;
    if (core.pending.reserve(item, core.config.stagingQuotaBytes)) return true;
    item.stage = 'wait';
    item.reason = 'the staging quota is used up; it goes on when other files are installed';
    this.#tellFull(core);
    core.clock.after(QUOTA_PAUSE_MS, () => this.#bell.ring());
    return false;
  }

  #tellFull(core: FolderCore): void {
    const now = core.clock.now();
    if (Math.abs(now - (this.#fullToldAt.get(core) ?? Number.NEGATIVE_INFINITY)) < FULL_TOLD_MS) return;
    this.#fullToldAt.set(core, now);
    core.emit(
      'STAGING_FULL',
      `the staging quota of folder ${core.config.name} is used up; transfers wait for installs`,
      {
        quotaBytes: core.config.stagingQuotaBytes,
      },
    );
  }
}

class FetchRun {
  readonly signal: AbortSignal;
  onRoom: () => void = () => {};
  readonly #controller = new AbortController();
  readonly #outgoing: ContentRequest[] = [{ kind: 'credit', bytes: LIMITS.contentCreditBytes }];
  readonly #outgoingBell = new Bell();
  readonly #whole = new Map<number, Job>();
  readonly #channels = new Map<number, (answer: ContentAnswer) => void>();
  readonly #largeJobs = new Set<Job>();
  readonly #count: (bytes: number) => void;
  #nextId = 1;
  #uncredited = 0;
  #staging: Promise<void>[] = [];

  constructor(signal: AbortSignal, count: (bytes: number) => void) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    // Each file that is fetched by pieces waits for it.
    setMaxListeners(0, this.signal);
    this.#count = count;
  }

  get ended(): boolean {
    return this.signal.aborted;
  }

  get filesOnTheWay(): number {
    return this.#whole.size;
  }

  end(): void {
    this.#controller.abort();
    this.#outgoingBell.ring();
  }

  takeUnfinished(): Job[] {
    const jobs = [...this.#whole.values(), ...this.#largeJobs];
    this.#whole.clear();
    this.#largeJobs.clear();
    return jobs;
  }

  async *requests(): AsyncGenerator<ContentRequest> {
    for (;;) {
      const next = this.#outgoing.shift();
      if (next) yield next;
      else if (this.ended) return;
      else await this.#outgoingBell.heard(this.signal);
    }
  }

  askWhole(jobs: readonly Job[]): void {
    const files = jobs.map(job => {
      const wanted = this.#wanted(job);
      this.#whole.set(wanted.id, job);
      job.item.stage = 'downloading';
      job.item.reason = `being fetched from ${job.item.round.partner}`;
      return wanted;
    });
    this.#send({ kind: 'whole', files });
  }

  async receive(answers: AsyncIterable<ContentAnswer[]>): Promise<void> {
    for await (const batch of answers) {
      const staged = new Map<FetchTarget, { job: Job; item: StageItem }[]>();
      for (const answer of batch) {
        if (answer.kind === 'data') this.#credit(answer.data.length);
        const job = this.#whole.get(answer.id);
        if (job && answer.kind === 'data') job.item.round.tally.bytesTransferred += answer.data.length;
        if (!job) this.#channels.get(answer.id)?.(answer);
        else this.#receiveWhole(answer, job, staged);
      }
      for (const [target, items] of staged) await this.#stage(target, items);
      this.onRoom();
    }
  }

  /** One large file, chunk by chunk; its outcome goes to the flow. */
  async fetchLarge(job: Job, hash64: Hash64): Promise<void> {
    const { target, item } = job;
    this.#largeJobs.add(job);
    item.stage = 'downloading';
    item.reason = `being fetched from ${item.round.partner}`;
    const channel: LargeFileChannel = {
      open: receive => {
        const wanted = this.#wanted(job);
        this.#channels.set(wanted.id, receive);
        return wanted;
      },
      send: request => this.#send(request),
      close: id => this.#channels.delete(id),
      signal: this.signal,
    };
    try {
      const outcome = await fetchLargeFile(target.core, item, channel, hash64);
      const isAwaited = this.#largeJobs.delete(job);
      // Also where the link broke in the last moment: the flow has let go of it and does not leave it lying.
      if (outcome.kind === 'staged') target.flow.staged(item, outcome.staged, outcome.recipe);
      else if (isAwaited) target.flow.fetchFailed(item, outcome.kind, outcome.reason);
    } catch (error) {
      if (!this.#largeJobs.delete(job)) return;
      const kind = failureOf(error);
      target.flow.fetchFailed(item, kind === 'failed' && this.ended ? 'lost' : kind, messageOf(error));
    }
  }

  #receiveWhole(answer: ContentAnswer, job: Job, staged: Map<FetchTarget, { job: Job; item: StageItem }[]>): void {
    this.#whole.delete(answer.id);
    const { update } = job.item;
    const fail = (kind: 'changed' | 'failed' | 'corrupt', reason: string) =>
      job.target.flow.fetchFailed(job.item, kind, reason);
    if (answer.kind === 'failed') {
      const changed = movedOn(answer.reason);
      fail(changed ? 'changed' : 'failed', reasonText(answer.reason));
      return;
    }
    if (answer.kind !== 'data' || answer.offset !== 0 || !answer.last || answer.data.length !== update.size) {
      fail('corrupt', 'it has not the announced size');
      return;
    }
    const { size, hash, mode, mtimeNs } = update;
    const item = { stagingId: stagingIdOf(job.item), data: answer.data, size, hash, mode, mtimeNs };
    const list = staged.get(job.target);
    if (list) list.push({ job, item });
    else staged.set(job.target, [{ job, item }]);
  }

  /** Writes a batch into staging while the next one is on its way. */
  async #stage(target: FetchTarget, items: readonly { job: Job; item: StageItem }[]): Promise<void> {
    const work = this.#stageAll(target, items);
    this.#staging.push(work);
    if (this.#staging.length >= STAGING_CALLS_AT_ONCE) await this.#staging.shift();
  }

  async #stageAll(target: FetchTarget, items: readonly { job: Job; item: StageItem }[]): Promise<void> {
    try {
      const answers = await target.core.disk.stageWhole(items.map(({ item }) => item));
      answers.forEach((answer, i) => {
        const { job, item } = items[i]!;
        if (answer.kind === 'staged') {
          const { ino, mode } = answer;
          target.flow.staged(job.item, { stagingId: item.stagingId, ino, mode }, null);
        } else target.flow.fetchFailed(job.item, answer.kind === 'mismatch' ? 'corrupt' : answer.kind, answer.detail);
      });
    } catch (error) {
      for (const { job } of items) target.flow.fetchFailed(job.item, failureOf(error), messageOf(error));
    }
  }

  #wanted(job: Job): Wanted {
    const { uid, gvsn, hash } = job.item.update;
    return { id: this.#nextId++, folder: job.target.core.config.guid, uid, gvsn, hash };
  }

  #send(request: ContentRequest): void {
    this.#outgoing.push(request);
    this.#outgoingBell.ring();
  }

  #credit(bytes: number): void {
    this.#count(bytes);
    this.#uncredited += bytes;
    if (this.#uncredited < LIMITS.contentCreditBytes / 8) return;
    this.#send({ kind: 'credit', bytes: this.#uncredited });
    this.#uncredited = 0;
  }
}

function failureOf(error: unknown): 'no-space' | 'no-staging' | 'failed' {
  if (!(error instanceof TandemError)) return 'failed';
  return error.code === 'DISK_FULL' ? 'no-space' : error.code === 'STAGING_INACCESSIBLE' ? 'no-staging' : 'failed';
}
