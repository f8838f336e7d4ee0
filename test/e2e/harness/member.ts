/** One member as a process of its own: its home, its folders' roots, its daemon, and the CLI pointed at it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { tandemHere } from './cli-here.ts';
import { CLI, outliveNothing, type Ran, tandem } from './program.ts';
import { Hopeless, until } from './until.ts';

export interface Identity {
  readonly name: string;
  readonly guid: string;
  readonly address: string;
  readonly certificate: string;
}

export interface Member {
  readonly name: string;
  readonly home: string;
  readonly port: number;
  readonly identity: Identity;
  /** Root by folder name. */
  readonly roots: Readonly<Record<string, string>>;
  /** The root of the only folder. */
  readonly root: string;
  readonly logFile: string;
  readonly running: boolean;
  readonly pid: number | undefined;
  /** Starts the daemon and waits until it answers on its admin socket. */
  start(): Promise<void>;
  /** Starts the daemon and waits for its end: for starts that must fail. */
  startToEnd(): Promise<Ran>;
  /** SIGTERM; an error unless the daemon ends well within ten seconds. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  tandem(...args: string[]): Promise<Ran>;
  /** What `tandem … --json` prints, parsed, asked in this process; an error where the command fails. */
  json<T = unknown>(...args: string[]): Promise<T>;
  /** The end of the daemon's log. */
  log(bytes?: number): string;
}

export async function createMember(options: {
  readonly name: string;
  readonly directory: string;
  readonly port: number;
  readonly roots: Readonly<Record<string, string>>;
  /** The daemon may outlive this process: whoever wants that ends it by its process id. */
  readonly detached?: boolean;
  /** Another build of the program for the daemon. */
  readonly program?: string | undefined;
}): Promise<Member> {
  const { name, port, roots } = options;
  const home = join(options.directory, 'home');
  const logFile = join(options.directory, 'daemon.log');
  const socket = join(home, 'admin.sock');
  const made = await tandemHere(['init', name, '--home', home, '--listen', `127.0.0.1:${port}`, '--json']);
  if (made.exitCode !== 0) throw new Error(`tandem init ${name} ended with ${made.exitCode}: ${made.stderr}`);
  let child: ChildProcess | null = null;
  let ended: Promise<number | null> = Promise.resolve(null);

  const log = (bytes = 3000): string => {
    try {
      const text = readFileSync(logFile, 'utf8');
      return text.slice(-bytes);
    } catch {
      return '';
    }
  };
  const launch = (): void => {
    if (child !== null) throw new Error(`${name} runs already`);
    const output = openSync(logFile, 'a');
    writeSync(output, `--- started at ${new Date().toISOString()}\n`);
    const started = spawn(options.program ?? CLI, ['daemon', '--home', home], {
      stdio: ['ignore', output, output],
      detached: options.detached === true,
    });
    closeSync(output);
    if (options.detached === true) started.unref();
    else outliveNothing(started);
    ended = new Promise(resolve => {
      started.once('exit', (code, signal) => {
        child = null;
        resolve(signal === null ? code : null);
      });
    });
    child = started;
  };
  const end = async (signal: NodeJS.Signals, withinMs: number): Promise<number | null> => {
    if (child === null) throw new Error(`${name} does not run: ${log()}`);
    child.kill(signal);
    await until(`${name} ends after ${signal}`, () => child === null, {
      timeoutMs: withinMs,
      everyMs: 5,
      explain: () => log(),
    });
    return ended;
  };

  const member: Member = {
    name,
    home,
    port,
    identity: JSON.parse(made.stdout) as Identity,
    roots,
    get root() {
      return Object.values(roots)[0]!;
    },
    logFile,
    get running() {
      return child !== null;
    },
    get pid() {
      return child?.pid;
    },
    start: async () => {
      launch();
      await until(
        `${name} answers on its admin socket`,
        () => {
          if (child === null) throw new Hopeless(`${name}'s daemon ended`);
          return answers(socket);
        },
        { timeoutMs: 30_000, everyMs: 25, explain: () => log() },
      ).catch(async error => {
        child?.kill('SIGKILL');
        throw error;
      });
    },
    startToEnd: async () => {
      const before = sizeOf(logFile);
      launch();
      const exitCode = await Promise.race([
        ended,
        until(`${name}'s daemon ends by itself`, () => child === null, { timeoutMs: 30_000 }).then(() => ended),
      ]);
      return { exitCode, stdout: '', stderr: readFileSync(logFile, 'utf8').slice(before) };
    },
    stop: async () => {
      const exitCode = await end('SIGTERM', 10_000);
      if (exitCode !== 0) throw new Error(`${name}'s daemon ended with ${exitCode} after SIGTERM:\n${log()}`);
    },
    kill: async () => {
      await end('SIGKILL', 10_000);
    },
    signal: signal => void child?.kill(signal),
    tandem: (...args) => tandem([...args, '--home', home]),
    json: async <T>(...args: string[]) => {
      const ran = await tandemHere([...args, '--home', home, '--json']);
      if (ran.exitCode !== 0)
        throw new Error(`tandem ${args.join(' ')} on ${name} ended with ${ran.exitCode}: ${ran.stderr}${ran.stdout}`);
      return JSON.parse(ran.stdout) as T;
    },
    log,
  };
  return member;
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
