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
  /** Records whose fence one order may lower: each may leave a gap in the vector until it is had again. */
  loweredFences: 16_384,

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

  /** The first part of a bundle, which says what it is and has two vectors. */
  bundleHeaderBytes: 8 * 1024 * 1024,
  /** What is written to or read from a bundle at once. */
  bundleBufferBytes: 1024 * 1024,
  /** Contents that are remembered while a bundle is made, so as not to be written twice. */
  bundleRecentContents: 65_536,

  chunkMinBytes: 4 * 1024,
  chunkAverageBytes: 16 * 1024,
  chunkMaxBytes: 64 * 1024,
  recipeChunks: 524_288,

  /** What rounds told of and what rests on updates under way: gaps in the vector, and sets of updates that are told apart. */
  standingIntervals: 16_384,
  standingClaims: 8,
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
  /** Keys of the database that are kept in memory at least, and twice as many at most. */
  rememberedKeys: 8192,
  /** What a new database knows of its keys, until it is closed: 1 MiB for a million of them. A power of two. */
  absenceFilterBits: 8 * 1024 * 1024,
  /** Chunks that enter or leave the database's index in one write. */
  chunksPerWrite: 2048,
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
  /** How long partners may take to tell the number of their updates to whoever looks at sessions. */
  countTimeoutMs: 2000,
  /** How long a partner may take to tell of a backlog. */
  backlogTimeoutMs: 60_000,
  /** The longest wait an administrator may order. */
  waitMs: 7 * 86_400_000,
  /** Records in one answer of the admin API. */
  adminRecords: 20_000,
  /** Between two attempts to undo what a read-only member’s users did. */
  undoRetryMs: 1000,
  /** Between two attempts to go on where a disk is full. */
  diskFullRetryMs: 5000,
  /** How often a folder sweeps its staging and looks after its quotas. */
  housekeepingMs: 3_600_000,
  /** How often an order on a replicated folder looks whether what was on its way has come to rest. */
  orderLookMs: 20,
  /** How often is looked whether a folder that is resynchronised by order is as its source has it. */
  resyncLookMs: 1000,
  /** How often is looked whether a comparison of all records is due. */
  comparisonLookMs: 60_000,
  /** How often what partners were heard to hold is written down. */
  heardNoteMs: 600_000,
  backoffFirstMs: 1000,
  backoffLastMs: 300_000,
  /** The longest pause before a source is asked again for what it had no longer, or not yet. */
  backoffSourceMs: 16_000,
  /** How often an update is tried again, after another look at the folder, before it is put off. */
  attemptsAtOnce: 5,
  connectTimeoutMs: 10_000,
  /** Requests of ReplicaSync that wait. */
  syncQueueEntries: 1024,
  /** How often the spool is looked at without a hint, and how long a bundle must have lain still. */
  spoolLookMs: 60_000,
  spoolStillMs: 1000,
  /** What could not be taken in from the spool is tried again after the first pause, then after twice that, up to the last. */
  spoolRetryFirstMs: 600_000,
  spoolRetryLastMs: 86_400_000,
  /** Between two turns of one folder and source: a call that comes sooner waits, and equal ones with it. */
  syncPauseMs: 2000,
  /** How often a request that runs gives way to more urgent ones. */
  syncPreemptions: 3,
  /** How often a synchronisation that was ordered looks how far it is. */
  syncLookMs: 50,
  /** How often its caller is told. */
  syncReportMs: 250,
  /** How often a command that goes on writes a plain line, where there is no terminal. */
  progressLineMs: 5000,
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
  /**
   * Of a copy between volumes: what is kept from clients' writes while it is read; one range; all of them on the way at once; and what it
   * may always move beside busy clients.
   */
  copyHeldBytes: 128 * 1024,
  copyRangeBytes: 1024 * 1024,
  copyWindowBytes: 16 * 1024 * 1024,
  copyLeastBytesPerSecond: 256 * 1024,
  /** One write between members, and the digests of one message. Longer writes are cut. */
  mirrorWriteBytes: 1024 * 1024,
  mirrorDigests: 64,
  /** Other lists of one message: what arrived, the runs of a page of a dirty map, ranges that differ. */
  mirrorSeqs: 65_536,
  mirrorRuns: 65_536,
  mirrorRanges: 16_384,
  /** Volumes told to a partner who asks what can be a target. */
  targetsTold: 4096,
  /** An association, its generations or an intent as JSON. */
  mirrorRecordBytes: 16 * 1024,
  /** Messages that waited for the stream and travel together; one that is larger travels alone. */
  mirrorPacketMessages: 64,
  mirrorPacketBytes: 256 * 1024,
  /** Handed to the stream and not yet taken by it: beyond it a sender waits. */
  mirrorAheadBytes: 2 * 1024 * 1024,
  /** Mirrors on one TCP connection: a few large ones must not stand in the way of many, nor be a connection each. */
  mirrorsPerChannel: 8,
  /** How long a stream that was ended in order may take to bring its last messages across. */
  mirrorCloseMs: 5000,
  /** Writes of clients that are sent and not yet answered; beyond it a synchronous write waits to be sent. */
  mirrorWindowBytes: 16 * 1024 * 1024,
  /** What arrived at the target is made durable there after this time at the latest. */
  mirrorFlushMs: 1000,
  /** A copy that has to wait asks again after this time. */
  mirrorPaceMs: 200,
  /** Pieces of a verification that are asked of the partner at once; ranges that are kept of what it found. */
  verifyPieces: 16,
  verifyRanges: 64,
  /** A verification tells how far it is, and makes that durable, not oftener than this. */
  verifyTellMs: 1000,
  verifyKeepMs: 10_000,
  /** Writes that a target carries out at once. */
  mirrorWritesAtOnce: 512,
  /** Blocks of a dirty map in one message. */
  mirrorDirtyGranules: 16_384,
  /** Asynchronous: an epoch is closed when it has as many bytes or is as old; beyond the queue the dirty map has to do. */
  mirrorEpochBytes: 16 * 1024 * 1024,
  mirrorEpochMs: 1000,
  /** What is written to an epoch goes out when there is as much of it, or after as long. */
  mirrorPartBytes: 256 * 1024,
  mirrorPartMs: 20,
  mirrorQueueBytes: 64 * 1024 * 1024,
  /** Beyond the queue the source waits for its clients to become calm before it copies, but not longer than this. */
  mirrorAheadMs: 10_000,
  /** How long a link may be away before a pair is Broken; how often it is dialled again meanwhile. */
  mirrorGraceMs: 10_000,
  mirrorRedialMs: 1000,
  /** How long a write waits for the flow of a pair that has just met; then it goes on alone. */
  mirrorFlowMs: 5000,
  mirrorFlowLookMs: 5,
  /** A write that has to reach both members and cannot: after that it fails. */
  heldWriteMs: 60_000,
  /** What an operation does at once is waited for before it is answered as a job. */
  replicaAnswerMs: 5000,
  /** How often snapshots are looked at for room, and mirrors for being too far behind. */
  replicaWatchMs: 1000,
  /** How long WaitForCopyState may wait. */
  waitForCopyStateMs: 60_000,
  /** How long a client may have the confirmation of a target waited for. */
  confirmTargetMs: 86_400_000,
  /** Associations, groups, pairs of a group, and jobs that are kept; how long a job that ended is. */
  replicas: 1024,
  replicaGroups: 256,
  /** Runs of consistent groups of which it is kept how far they came. */
  keptRuns: 1024,
  replicaJobs: 1024,
  replicaJobKeepMs: 86_400_000,
  /** How long a pair that was removed is remembered for a partner that may not have heard of it. */
  removedPairKeepMs: 90 * 86_400_000,
  /** How far a partner's clock may run ahead before the hybrid clock stops following it. */
  clockAheadMs: 5 * 60_000,

  /** Requests that one volume carries out or lets wait. */
  blockRequests: 4096,
  /** Bytes that copying, comparing and clearing volumes move at once. */
  blockPieceBytes: 1024 * 1024,
  /** What one step of clearing a volume takes; a multiple of its clusters. */
  clearedBytes: 256 * 1024 * 1024,
  /** A volume: 2 TiB of 4 KiB blocks have a dirty map of 64 MiB. */
  volumeBytes: 2 ** 50,
  snapshotsPerVolume: 256,
  /** Between two attempts to open a volume that cannot be used. */
  volumeRetryMs: 5000,
  /** What a role, the generations of a volume, may take in its superblock. */
  superblockTextBytes: 2048,
  /** What a target keeps of an epoch before it applies it. */
  epochBytes: 1024 * 1024 * 1024,
  /** One read or write of an NBD client: what it is told, which is what the protocol wants, and what is taken from those who do not ask. */
  nbdToldPayloadBytes: 32 * 1024 * 1024,
  nbdPayloadBytes: 64 * 1024 * 1024,
  /** Payload of a refused write that is read and thrown away; more than that ends the connection. */
  nbdDiscardBytes: 128 * 1024 * 1024,
  /** Clients of all exports together on one listener. */
  nbdClients: 256,
  nbdExports: 1024,
  /** An export's name in UTF-8. */
  nbdNameBytes: 255,
  /** Any string of the protocol. */
  nbdStringBytes: 4096,
  /** Data of one option, and options before the transmission begins. */
  nbdOptionBytes: 64 * 1024,
  nbdOptions: 256,
  nbdMetaContexts: 64,
  /** Extents in the answer to one BLOCK_STATUS, for each context. */
  nbdExtents: 16_384,
  /** Requests that one client has on the way, and their payload. */
  nbdRequests: 256,
  nbdClientBytes: 64 * 1024 * 1024,
  /** Payload on the way that every client may have whatever the others do; beyond it all share the second number. */
  nbdOwnBytes: 1024 * 1024,
  nbdSharedBytes: 256 * 1024 * 1024,
  /** A read that is longer is answered in pieces of this size, where the client allows it. */
  nbdPieceBytes: 128 * 1024,
  /** What is read from a connection at once, unless it belongs to a larger payload. */
  nbdReadBytes: 64 * 1024,
  /** Buffers that wait to be used again. */
  nbdKeptBytes: 8 * 1024 * 1024,
  /** Replies that a client has not taken yet; beyond it no further request is looked at. */
  nbdUnsentBytes: 4 * 1024 * 1024,
  /** From the connection until the transmission begins, and between two bytes of one request. */
  nbdHandshakeMs: 60_000,
  nbdStallMs: 60_000,
  /** How long a client whose export closes may take for its last replies. */
  nbdCloseMs: 5000,
} as const;
