// clipward ban: the addresses that are kept out for a while because of what they did, and letting them in again.

import type { Command } from 'commander';
import { openAccountReader, openAccountWriter } from '../access/open-accounts.ts';
import { readBans } from '../access/read-bans.ts';
import { systemClock } from '../base/clock.ts';
import { type Ban, isPardoned, type Pardon, rebased } from '../domain/bans.ts';
import { formatNetwork } from '../domain/networks.ts';
import { formatInstant } from '../domain/time-zone.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone, parseNetworks } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { formatTable } from './table.ts';

export function registerBanCommands(program: Command, desk: Desk): void {
  const ban = program.command('ban').description('addresses that are kept out because of what they did');
  const list = ban
    .command('list')
    .description('who is kept out now, why and until when')
    .action((_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      using accounts = openAccountReader(settings);
      const facts = bansInForce(settings, accounts.pardons()).map(banFacts);
      if (desk.wantsJson(command)) desk.print(JSON.stringify(facts, null, 2));
      else if (facts.length > 0) desk.print(formatBans(facts));
      else desk.remark('No address is banned.');
    });
  withCommonOptions(list, { json: true });
  const clear = ban
    .command('clear')
    .argument('[address]', 'an address or a network; without one: all')
    .description('let banned addresses in again, and forget what was counted against them')
    .action(async (text: string | undefined, _options: unknown, command: Command) => {
      const network = text === undefined ? null : (parseNetworks([text])[0] ?? null);
      const settings = desk.settings(command);
      using accounts = await openAccountWriter({ stateDir: settings.stateDir, clock: systemClock });
      const earlier = accounts.pardons();
      accounts.pardon(network);
      const lifted = bansInForce(settings, earlier).filter(each => isPardoned(each, accounts.pardons()));
      for (const { subject } of lifted) desk.print(`${subject} is let in again.`);
      if (lifted.length > 0) return;
      const whom = network === null ? 'No address' : `No address in ${formatNetwork(network)}`;
      desk.remark(`${whom} was banned; what was counted towards a ban is forgotten.`);
    });
  withCommonOptions(clear, { json: false });
}

/** The newest first. A pardon that the receiver has not seen yet, since it does not run, counts as seen. */
function bansInForce({ stateDir, ftps }: Settings, pardons: readonly Pardon[]): Ban[] {
  if (!ftps.bans.enabled) return [];
  const nowMs = systemClock.now();
  return readBans(stateDir)
    .map(each => rebased(each, nowMs))
    .filter(each => each.untilMs > nowMs && !isPardoned(each, pardons))
    .reverse();
}

/** The shape of `ban list --json` (docs/json.md). */
type BanFacts = Readonly<{
  address: string;
  since: string;
  until: string;
  repetition: number;
  reasons: Ban['reasons'];
}>;

function banFacts({ subject, sinceMs, untilMs, repetition, reasons }: Ban): BanFacts {
  const shown = (atMs: number) => formatInstant(atMs, machineTimeZone());
  return { address: subject, since: shown(sinceMs), until: shown(untilMs), repetition, reasons };
}

function formatBans(facts: readonly BanFacts[]): string {
  return formatTable(
    ['ADDRESS', 'SINCE', 'UNTIL', 'BAN', 'REASONS'],
    facts.map(({ address, since, until, repetition, reasons }) => [
      address,
      since,
      until,
      `#${repetition}`,
      Object.entries(reasons)
        .map(([event, count]) => `${count} ${event}`)
        .join(', '),
    ]),
  );
}
