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
  updatesPerBatch: 1000,
  updateBatchBytes: 1024 * 1024,
  /** Content bytes a receiver lets a sender have on the way, for each connection. */
  contentCreditBytes: 32 * 1024 * 1024,
  /** One content message: many small files, or a piece of a large one. */
  contentMessageBytes: 512 * 1024,
  contentRequestsOnTheWay: 4096,
  /** Files up to this size travel whole and have no recipe. */
  wholeFileBytes: 64 * 1024,

  chunkMinBytes: 4 * 1024,
  chunkAverageBytes: 16 * 1024,
  chunkMaxBytes: 64 * 1024,
  recipeChunks: 524_288,

  /** Updates a folder keeps in memory between their receipt and their record. */
  pendingUpdates: 8192,
  installGroupFiles: 1000,
  installGroupBytes: 64 * 1024 * 1024,
  scanDirectoriesPerStep: 128,
  scanHashBytesPerStep: 64 * 1024 * 1024,

  eventJournalEntries: 10_000,
  backoffFirstMs: 1000,
  backoffLastMs: 300_000,
  connectTimeoutMs: 10_000,
  keepaliveMs: 20_000,
  keepaliveTimeoutMs: 10_000,
  /** How far a partner's clock may run ahead before the hybrid clock stops following it. */
  clockAheadMs: 5 * 60_000,
} as const;
