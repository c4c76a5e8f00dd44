// A way for messages out of the house. One file for each kind; open-channels.ts lists them.

import type { MessageBody } from '../domain/alert-text.ts';
import type { ChannelName } from './channel-names.ts';

/** `id`: the same for each try, by which the other side can tell what it has got already. */
export type OutgoingMessage = MessageBody & Readonly<{ id: string }>;

export type Channel = Readonly<{
  name: ChannelName;
  /**
   * Resolves when the other side has taken the message, and rejects with a reason that holds no secret. Has a deadline of its
   * own; aborting makes it reject soon.
   */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<void>;
}>;

/** No target takes longer over it. */
export const sendTimeoutMs = 30_000;
