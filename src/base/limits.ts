/** Every bound of Tandem in one table: on messages from the wire, queues, caches and waits. Units stand last in a name. */
export const LIMITS = {
  /** A name's bytes in UTF-8, as Linux has it. */
  nameBytes: 255,
  symlinkTargetBytes: 4095,
  /** Directories above a file. */
  depthLevels: 512,
  /** Databases that one record's ancestry may name; the oldest are forgotten first, which can only preserve more. */
  ancestryEntries: 64,
  /** Databases in one version vector, and intervals in all of them together. */
  vectorDatabases: 4096,
  vectorIntervals: 65_536,

  messageBytes: 8 * 1024 * 1024,
  /** One message from a caller; the largest is a version vector. */
  requestBytes: 2 * 1024 * 1024,
  /** Texts for people on the wire: a program's name, a reason. */
  textBytes: 1024,
  capabilities: 64,
  /** Folders that one connection carries. */
  foldersPerConnection: 1024,
  /** Calls a partner may have open on one TCP connection, and TCP connections a member accepts in all. */
  callsPerChannel: 64,
  inboundChannels: 512,
  updatesPerBatch: 1000,
  updateBatchBytes: 1024 * 1024,
  /** (UID, GVSN) pairs in one message of a slow comparison. */
  recordsPerBatch: 10_000,
  /** Content bytes a receiver lets a sender have on the way, for each connection. */
  contentCreditBytes: 16 * 1024 * 1024,
  /** One content message: many small files, or a piece of a large one. */
  contentMessageBytes: 512 * 1024,
  contentRequestsOnTheWay: 4096,
  /** Pieces of content in one message, and ranges or groups in one request. */
  contentPieces: 8192,
  rangesPerRequest: 65_536,
  /** Files up to this size travel whole and have no recipe. */
  wholeFileBytes: 64 * 1024,

  chunkMinBytes: 4 * 1024,
  chunkAverageBytes: 16 * 1024,
  chunkMaxBytes: 64 * 1024,
  recipeChunks: 524_288,

  /** Updates a folder keeps in memory between their receipt and their record. */
  pendingUpdates: 4096,
  /** Attempts at once to let updates that wait for one another take their places together. */
  circleTurns: 8,
  installGroupFiles: 1000,
  installGroupBytes: 64 * 1024 * 1024,
  scanDirectoriesPerStep: 48,
  scanHashBytesPerStep: 64 * 1024 * 1024,

  eventJournalEntries: 10_000,
  /** Synchronisation sessions that ended and are remembered: of one connection, and in all. */
  endedSessionsPerConnection: 100,
  endedSessions: 2000,
  /** Sessions of one folder on one connection at the same time, where earlier ones are held up. */
  openSessions: 8,
  /** How often news of sessions are written into the database. */
  sessionsWriteMs: 5000,
  /** Events emitted and not yet in the journal. */
  eventsWaiting: 10_000,
  /** Owners that the database remembers of one inode, content or chunk; the oldest are forgotten first. */
  indexOwners: 16,
  /** Records in one write of the database, unless a single commit has more. */
  commitGroupRecords: 4096,
  /** Keys of the database that are kept in memory: about as many as the updates under way touch. */
  rememberedKeys: 32_768,
  /** Chunks that enter or leave the database's index in one write. */
  chunksPerWrite: 8192,
  /** Version numbers that are reserved at a time. */
  reservedVersions: 65_536,
  configFileBytes: 4 * 1024 * 1024,
  /** What the kernel takes as the path of a Unix socket, without the closing zero. */
  socketPathBytes: 107,
  adminRequestBytes: 1024 * 1024,
  adminAnswerBytes: 128 * 1024 * 1024,
  /** How long running admin calls may go on when the daemon stops. */
  adminCloseMs: 1000,
  adminCallTimeoutMs: 120_000,
  /** How long a partner may take to tell of a backlog. */
  backlogTimeoutMs: 60_000,
  /** The longest wait an administrator may order. */
  waitMs: 7 * 86_400_000,
  /** Records in one answer of the admin API. */
  adminRecords: 20_000,
  /** Between two attempts to go on where a disk is full. */
  diskFullRetryMs: 5000,
  /** How often a folder sweeps its staging and looks after its quotas. */
  housekeepingMs: 3_600_000,
  backoffFirstMs: 1000,
  backoffLastMs: 300_000,
  /** The longest pause before a source is asked again for what it had no longer, or not yet. */
  backoffSourceMs: 16_000,
  connectTimeoutMs: 10_000,
  /** Requests of ReplicaSync that wait. */
  syncQueueEntries: 1024,
  /** Between two turns of one folder and source: a call that comes sooner waits, and equal ones with it. */
  syncPauseMs: 2000,
  /** How often a request that runs gives way to more urgent ones. */
  syncPreemptions: 3,
  /** How often a synchronisation that was ordered looks how far it is. */
  syncLookMs: 50,
  /** How often its caller is told. */
  syncReportMs: 250,
  /** Without any movement for so long, it ends with what it has. */
  syncIdleMs: 60_000,
  /** How long a wait for the schedule goes on before the clock is asked again: it may have been set. */
  scheduleLookMs: 60_000,
  /** A call with a single answer, once connected. */
  callTimeoutMs: 30_000,
  /** Messages handed to a stream and not yet taken by it. */
  streamMessagesAhead: 4,
  /** Receive window of a caller, in bytes on the way that the partner need not wait for. */
  flowControlWindowBytes: 8 * 1024 * 1024,
  keepaliveMs: 20_000,
  keepaliveTimeoutMs: 10_000,

  /** Earlier generations that are remembered of an association; a partner older than all of them is unrelated. */
  generationHistory: 16,
  /** Bits of one dirty map: 64 MiB of memory. */
  dirtyGranules: 2 ** 29,
  /** One range of a copy between volumes; all of them on the way at once; and what it may always move beside busy clients. */
  copyRangeBytes: 1024 * 1024,
  copyWindowBytes: 16 * 1024 * 1024,
  copyLeastBytesPerSecond: 256 * 1024,
  /** How far a partner's clock may run ahead before the hybrid clock stops following it. */
  clockAheadMs: 5 * 60_000,
} as const;
