/** What the table of operations says of an order on one pair, as it will be judged when it is given. */
import type { PairOrder } from '../../../src/mirror/pair-orders.ts';
import { type Judgement, judgeOperation } from '../../../src/model/operation-judge.ts';
import type { MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { passUntil } from '../../sim/volume-member.ts';

/** Of the first pair of the member. A link that was cut at this very moment is noticed, and dialled again, first. */
export async function tableVerdict(world: MirrorWorld, name: MemberName, order: PairOrder): Promise<Judgement> {
  const { orders } = world.members[name].on.replicas;
  const pair = world.members[name].on.pairs.list()[0]!;
  for (let look = 0; look < 2; look++) {
    await passUntil(
      world.time,
      orders.judgeInReach([pair], () => orders.judge(pair, order)),
    );
  }
  return judgeOperation({ ...order, settingsProblem: null }, { kind: 'pair', pair: orders.underOrder(pair) });
}
