import { messageOf } from '../base/errors.ts';
import { randomId } from '../base/random-id.ts';
import { testMessage } from '../domain/alert-text.ts';
import type { Channel } from './channel.ts';
import type { ChannelName } from './channel-names.ts';

/** `problem` null: the other side has taken it. */
export type TestResult = Readonly<{ channel: ChannelName; problem: string | null }>;

/** Sends a message that says that it is a test through each channel at once, past the outbox, and waits for what comes of it. */
export function sendTest(
  channels: readonly Channel[],
  teller: Parameters<typeof testMessage>[0],
): Promise<TestResult[]> {
  const message = { id: randomId(), ...testMessage(teller) };
  const signal = new AbortController().signal;
  return Promise.all(
    channels.map(async channel => {
      const problem = await channel.send(message, signal).then(() => null, messageOf);
      return { channel: channel.name, problem };
    }),
  );
}
