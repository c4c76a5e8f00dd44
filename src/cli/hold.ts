// clipward hold: what retention must leave alone.

import type { Command } from 'commander';
import { openAccountReader } from '../access/open-accounts.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError, UsageError } from '../base/errors.ts';
import { randomId } from '../base/random-id.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Hold } from '../catalogue/holds.ts';
import { counted } from '../domain/counted.ts';
import { holdFacts } from '../inspect/event-facts.ts';
import { parseWhen } from '../inspect/instants.ts';
import type { Settings } from '../settings/settings.ts';
import { openCameraZones } from './camera-zones.ts';
import type { Desk } from './desk.ts';
import { oneEvent } from './event.ts';
import { withCommonOptions } from './frame.ts';
import { shortIdLength, shownInstant } from './listing.ts';
import { oneByPrefix, openForWriting, openIfThere } from './open-catalogue.ts';
import { formatBytes, formatFacts, formatTable } from './table.ts';

export function registerHoldCommands(program: Command, desk: Desk): void {
  const hold = program.command('hold').description('keep media from being deleted');
  registerAdd(hold, desk);
  registerList(hold, desk);
  registerRemove(hold, desk);
}

type AddOptions = { event?: string; camera?: string; from?: string; to?: string; reason?: string };
const maxReasonLength = 500;

function registerAdd(hold: Command, desk: Desk): void {
  const add = hold
    .command('add')
    .description('hold an event, or everything of one camera in a span of time')
    .option('--event <id>', 'the id of an event, or its beginning')
    .option('--camera <name>', 'hold what this camera sent and recorded ...')
    .option('--from <time>', '... from this time: ISO 8601, or how long ago (2h, 3d)')
    .option('--to <time>', '... until this time')
    .option('--reason <text>', 'why, for whoever finds it later')
    .action((options: AddOptions, command: Command) => {
      requireOneWay(options);
      const settings = desk.settings(command);
      using catalogue = openForWriting(settings);
      const wanted = newHold(options, settings, catalogue);
      const { maxHolds } = settings.retention;
      const added = catalogue?.addHold(wanted, maxHolds);
      if (added === 'full')
        throw new FailedError(
          `There is no room for another hold, ${counted(maxHolds, 'hold')} at the most (retention.maxHolds): remove one with clipward hold remove, or raise the setting.`,
        );
      if (catalogue === undefined || added === undefined || added === 'gone')
        throw new FailedError(
          'The event was deleted meanwhile: clipward event list shows those that are there.',
        );
      print(desk, command, settings, catalogue, added);
      warnOfMuch(desk, catalogue);
    });
  withCommonOptions(add, { json: true });
}

function requireOneWay({ event, camera, from, to, reason }: AddOptions): void {
  const span = [camera, from, to];
  const isSpan = span.every(each => each !== undefined);
  const isEvent = event !== undefined && span.every(each => each === undefined);
  if (!isEvent && (!isSpan || event !== undefined))
    throw new UsageError('Either --event ID is expected, or --camera NAME with --from TIME and --to TIME.');
  if (reason !== undefined && (reason.trim() === '' || reason.length > maxReasonLength))
    throw new UsageError(`--reason is expected to be a text of up to ${maxReasonLength} characters.`);
}

function newHold(options: AddOptions, settings: Settings, catalogue: Catalogue | undefined): Hold {
  const now = systemClock.now();
  const common = { id: randomId(), reason: options.reason ?? null, addedAt: now };
  if (options.event !== undefined) {
    const event = oneEvent(catalogue, options.event);
    return { ...common, camera: event.camera, event: event.id, fromAt: null, toAt: null };
  }
  const { camera = '', from = '', to = '' } = options;
  const fromAt = parseWhen(from, '--from', now);
  const toAt = parseWhen(to, '--to', now);
  if (toAt <= fromAt) throw new UsageError('--to is expected to be later than --from.');
  if (!isKnown(camera, settings, catalogue))
    throw new FailedError(
      `There is no camera ${JSON.stringify(camera)}, and none of its clips or footage: clipward camera list shows the cameras.`,
    );
  if (catalogue === undefined)
    throw new FailedError('Nothing was filed yet, so there is nothing to hold: start clipward serve first.');
  return { ...common, camera, event: null, fromAt, toAt };
}

/** One that was removed may have left what is to be held. */
function isKnown(camera: string, { stateDir }: Settings, catalogue: Catalogue | undefined): boolean {
  using accounts = openAccountReader({ stateDir });
  return (
    accounts.camera(camera) !== undefined ||
    (catalogue?.holdings() ?? []).some(each => each.camera === camera)
  );
}

/** Everything on hold means a full disk, and then nothing new is taken. */
function warnOfMuch(desk: Desk, catalogue: Catalogue): void {
  const held = catalogue.heldBytes();
  const all = catalogue.holdings().reduce((sum, { bytes }) => sum + bytes, 0);
  if (held * 2 <= all) return;
  desk.remark(
    `${formatBytes(held)} of ${formatBytes(all)} are on hold now: what is held is never deleted, and a full disk takes no new clips.`,
  );
}

function print(desk: Desk, command: Command, settings: Settings, catalogue: Catalogue, hold: Hold): void {
  const facts = factsOf(catalogue, hold, openCameraZones(settings)(hold.camera));
  const shown = Object.entries(facts).filter(([, value]) => value !== null);
  desk.print(
    desk.wantsJson(command)
      ? JSON.stringify(facts, null, 2)
      : formatFacts(shown.map(([name, value]) => [name, String(value)] as const)),
  );
}

function factsOf(catalogue: Catalogue, hold: Hold, timeZone: string) {
  const event = hold.event === null ? undefined : catalogue.event(hold.event);
  return holdFacts(hold, { event, contents: catalogue.contentsOfHold(hold), timeZone });
}

function registerList(hold: Command, desk: Desk): void {
  const list = hold
    .command('list')
    .description('what is on hold, oldest first')
    .action((_options: unknown, command: Command) => {
      const settings = desk.settings(command);
      using catalogue = openIfThere(settings);
      const zoneOf = openCameraZones(settings);
      const holds = catalogue?.holds() ?? [];
      const facts = holds.flatMap(each =>
        catalogue === undefined ? [] : [factsOf(catalogue, each, zoneOf(each.camera))],
      );
      if (desk.wantsJson(command)) return desk.print(JSON.stringify(facts, null, 2));
      if (facts.length === 0) return desk.remark('Nothing is on hold.');
      const right = (title: string) => ({ title, right: true }) as const;
      desk.print(
        formatTable(
          ['ID', 'CAMERA', 'EVENT', 'FROM', 'TO', right('CLIPS'), right('FOOTAGE'), right('SIZE'), 'REASON'],
          facts.map(({ id, camera, eventId, fromAt, toAt, clips, segments, bytes, reason }) => [
            id.slice(0, shortIdLength),
            camera,
            eventId?.slice(0, shortIdLength) ?? '',
            shownInstant(fromAt ?? ''),
            shownInstant(toAt ?? ''),
            String(clips),
            String(segments),
            formatBytes(bytes),
            reason ?? '',
          ]),
        ),
      );
    });
  withCommonOptions(list, { json: true });
}

function registerRemove(hold: Command, desk: Desk): void {
  const remove = hold
    .command('remove')
    .argument('<id>', 'the id of a hold, or its beginning')
    .description('let retention decide again')
    .action((id: string, _options: unknown, command: Command) => {
      using catalogue = openForWriting(desk.settings(command));
      const found = oneByPrefix(text => catalogue?.holdsByPrefix(text) ?? [], id, {
        what: 'a hold',
        command: 'clipward hold list',
      });
      catalogue?.removeHold(found.id);
      desk.print(`removed the hold ${found.id}`);
    });
  withCommonOptions(remove, { json: false });
}
