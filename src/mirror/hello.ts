/** What a member says of a mirrored pair when it meets its partner, and when something has changed that both have to know. */
import type { MirrorMessage } from '../model/mirror-message.ts';
import type { TransitionIntent } from '../model/transition-plan.ts';
import type { MirrorElement } from './mirror-flows.ts';
import { generationSide } from './mirror-generations.ts';
import type { KeptIntent, KeptPair } from './replica-book.ts';

export type Hello = Extract<MirrorMessage, { kind: 'hello' }>;

export function helloOf({ record, generations, intent }: KeptPair, { map, volume }: MirrorElement): Hello {
  return {
    kind: 'hello',
    record,
    side: generationSide(record, generations, map.dirtyBytes),
    sizeBytes: volume.size,
    intent: intent && toldOf(intent),
    verifies: true,
  };
}

/** What was decided the partner hears by itself. */
function toldOf({ decision: _, ...told }: KeptIntent): TransitionIntent {
  return told;
}
