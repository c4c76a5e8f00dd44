// Which channels the settings name, for those who write into the outbox: the archive's process has nothing loaded that could
// send.

import type { Settings } from '../settings/settings.ts';

export const channelNames = ['webhook', 'email', 'command'] as const;
export type ChannelName = (typeof channelNames)[number];

export function channelsOf({ webhook, email, command }: Settings['alerts']): ChannelName[] {
  const isSet: Readonly<Record<ChannelName, boolean>> = {
    webhook: webhook.url !== null,
    email: email.host !== null,
    command: command.program !== null,
  };
  return channelNames.filter(name => isSet[name]);
}
