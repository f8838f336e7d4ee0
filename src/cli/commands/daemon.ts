import { setFlagsFromString } from 'node:v8';
import { createLog, LOG_FORMATS, type LogFormat } from '../../base/pino-log.ts';
import type { MemberConfig } from '../../config/config.ts';
import { loadMemberFile } from '../../config/member-file.ts';
import { LOG_LEVELS } from '../../config/member-schema.ts';
import { type CommandSpec, optionOf } from '../command.ts';

/**
 * How far the heap may grow beyond what was in use when it was last collected, in per cent of that. V8 counts the
 * buffers that pass through to it, so content of 1 GiB made a heap of 30 MB be collected ninety times with 50, and
 * twenty times with 200: a quarter to half of the processor's time, for a quarter more memory at the peak.
 */
const HEAP_GROWING_PERCENT = 200;

/**
 * How much of a function runs before V8 optimises it, in bytes of its bytecode; V8 itself takes 66 KB. Most of what a
 * member has to do comes in bursts of seconds, and to optimise what runs for that long took a fifth of the processor's
 * time and gave less back: with this the first 20 000 small files arrive in 85 % of the time. What runs on is optimised.
 */
const INTERRUPT_BUDGET = 1_000_000;

export const daemonCommands: readonly CommandSpec[] = [
  {
    words: ['daemon'],
    summary:
      'run the member in the foreground until SIGTERM or SIGINT; group.yaml is read again when it changes, and on SIGHUP',
    options: [
      {
        flags: '--log-format <format>',
        about: 'how the log is written to standard error',
        choices: LOG_FORMATS,
        fallback: 'json',
      },
      {
        flags: '--log-level <level>',
        about: 'the least severe messages shown; else what member.yaml says',
        choices: LOG_LEVELS,
      },
    ],
    examples: ['daemon', 'daemon --home /var/lib/tandem --log-format text'],
    target: 'home',
    run: async call => {
      const { logLevel } = await loadMemberFile(call.home);
      const log = createLog({
        level: (call.options.logLevel as MemberConfig['logLevel'] | undefined) ?? logLevel,
        format: optionOf<LogFormat>(call, 'logFormat'),
        write: line => call.terminal.err(line),
      });
      setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
      setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
      const { runDaemon } = await import('../../daemon/daemon.ts');
      await runDaemon({ home: call.home, log });
    },
  },
];
