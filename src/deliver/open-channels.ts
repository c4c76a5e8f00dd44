import type { Settings } from '../settings/settings.ts';
import type { Channel } from './channel.ts';
import { commandChannel } from './command.ts';
import { emailChannel } from './email.ts';
import { webhookChannel } from './webhook.ts';

/** Those that the settings name. They read their secrets and connect when they send. */
export function openChannels({ webhook, email, command }: Settings['alerts']): Channel[] {
  return [
    ...(webhook.url === null ? [] : [webhookChannel({ ...webhook, url: webhook.url })]),
    ...(email.host === null || email.from === null
      ? []
      : [emailChannel({ ...email, host: email.host, from: email.from })]),
    ...(command.program === null ? [] : [commandChannel({ ...command, program: command.program })]),
  ];
}
