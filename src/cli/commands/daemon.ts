import { createLog, LOG_FORMATS, type LogFormat } from '../../base/pino-log.ts';
import { boundHeap, optimiseLate } from '../../base/v8-tuning.ts';
import type { MemberConfig } from '../../config/config.ts';
import { loadMemberFile } from '../../config/member-file.ts';
import { LOG_LEVELS } from '../../config/member-schema.ts';
import { type CommandSpec, optionOf } from '../command.ts';

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
      boundHeap();
      optimiseLate();
      const { runDaemon } = await import('../../daemon/daemon.ts');
      await runDaemon({ home: call.home, log });
    },
  },
];
