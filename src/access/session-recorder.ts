// Takes what the receiver observes. Two things are made of it: the habits of each camera, always; and the ring of events,
// only while somebody follows a camera (accounts.follows), so that nobody else can make this disk write.
//
// Nothing here is on the path of an upload: events are gathered and written a moment later, in one transaction without
// a sync, and what cannot be written is logged and forgotten.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { inTransaction } from '../base/sqlite.ts';
import { networkMatcher } from '../domain/networks.ts';
import { isNotableRefusal, type SessionEvent, type Visitor } from '../domain/session-event.ts';
import type { AccountReader } from './accounts.ts';
import { type HabitChange, mergeHabits, prepareHabits } from './camera-habits.ts';
import { openReceiverDatabase } from './receiver-database.ts';
import { type NewSessionEvent, prepareSessionEvents } from './session-events.ts';

/** How long habits are gathered: at most one transaction in this time, whatever clients do. */
const habitDelayMs = 1000;
/** How late a follower may be. */
const eventDelayMs = 100;
/** Events of strangers and of the camera itself, each a bucket of its own, so that the first cannot drown the second. */
export const maxEventsPerSecond = 50;
export const maxEventsAtOnce = 500;
/** What led up to a log-in is kept for this many sessions, this many events each, in case the camera is named. */
const maxHeldSessions = 200;
const maxHeldEvents = 8;
/** Of a user name as it was sent. */
const maxUserLength = 64;

export type SessionRecorder = Disposable & Readonly<{ observe(visitor: Visitor, event: SessionEvent): void }>;

type Parts = Readonly<{
  stateDir: string;
  accounts: Pick<AccountReader, 'camera' | 'follows' | 'onChange'>;
  clock: Clock;
  log: Log;
}>;

/** receiver.db must have been opened before (openReceiverMemory), and is written through a connection of its own. */
export function openSessionRecorder(parts: Parts): SessionRecorder {
  const { stateDir, accounts, clock, log } = parts;
  const db = openReceiverDatabase(stateDir);
  db.pragma('secure_delete = on');
  const habits = createHabitNotes();
  const follow = createFollowing(parts);
  const ring = prepareSessionEvents(db);
  const { note } = prepareHabits(db);
  let gathered: NewSessionEvent[] = [];
  let runningOut: NodeJS.Timeout | undefined;
  const habitWriter = laterOnce(habitDelayMs, () =>
    guarded('camera habits not written', () =>
      inTransaction(db, () => {
        for (const { account, change } of habits.take()) note(account, change);
      }),
    ),
  );
  const eventWriter = laterOnce(eventDelayMs, () =>
    guarded('session events not written', () => {
      const events = gathered;
      gathered = [];
      inTransaction(db, () => ring.append(events, clock.now()));
    }),
  );

  function guarded(message: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      log.warn({ error: messageOf(error) }, message);
    }
  }

  const refreshFollowing = () =>
    guarded('accounts cannot be read', () => {
      clearTimeout(runningOut);
      const { acknowledged, endsInMs } = follow.refresh();
      add(acknowledged);
      if (endsInMs === undefined) {
        gathered = [];
        eventWriter.cancel();
        guarded('session events not removed', ring.clear);
      } else runningOut = setTimeout(refreshFollowing, endsInMs + 1).unref();
    });

  function add(events: readonly NewSessionEvent[]): void {
    if (events.length === 0) return;
    gathered.push(...events);
    eventWriter.soon();
  }

  const changes = accounts.onChange(refreshFollowing);
  refreshFollowing();
  return {
    observe: (visitor, seen) =>
      guarded('session event not recorded', () => {
        const event = withReason(seen, accounts);
        if (habits.observe(visitor, event, clock.now(), accounts)) habitWriter.soon();
        add(follow.eventsFor(visitor, event));
      }),
    [Symbol.dispose]: () => {
      changes[Symbol.dispose]();
      clearTimeout(runningOut);
      habitWriter.now();
      eventWriter.now();
      db.close();
    },
  };
}

/** The receiver only knows that name and password do not belong together; the operator may know why. */
function withReason(event: SessionEvent, accounts: Pick<AccountReader, 'camera'>): SessionEvent {
  if (event.kind !== 'login-refused') return event;
  const user = event.user.slice(0, maxUserLength);
  if (event.why !== 'password') return { ...event, user };
  const camera = accounts.camera(event.user);
  const why = camera === undefined ? 'unknown-user' : camera.enabled ? 'password' : 'disabled';
  return { ...event, user, why };
}

type Account = Readonly<{ name: string; addedAt: string }>;

function createHabitNotes() {
  // Bounded by the cameras that there are.
  const noted = new Map<string, { account: Account; change: HabitChange; isDue: boolean }>();

  function merge(account: Account, change: HabitChange, isDue: boolean): boolean {
    const before = noted.get(account.name);
    const isSame = before?.account.addedAt === account.addedAt;
    noted.set(account.name, {
      account: { name: account.name, addedAt: account.addedAt },
      change: mergeHabits(isSame ? before.change : {}, change),
      isDue: isDue || (isSame && before.isDue),
    });
    return isDue;
  }

  return {
    /** Answers whether there is something to be written; what only leads up to an upload waits for it. */
    observe(
      visitor: Visitor,
      event: SessionEvent,
      nowMs: number,
      accounts: Pick<AccountReader, 'camera'>,
    ): boolean {
      const account =
        visitor.camera ?? (event.kind === 'login-refused' ? accounts.camera(event.user) : undefined);
      const seen = changeOf(event, visitor, nowMs);
      return account && seen ? merge(account, seen.change, seen.isDue) : false;
    },
    take() {
      const due = [...noted.values()].filter(each => each.isDue);
      for (const { account } of due) noted.delete(account.name);
      return due;
    },
  };
}

function changeOf(
  event: SessionEvent,
  { listener, peer }: Visitor,
  nowMs: number,
): { change: HabitChange; isDue: boolean } | undefined {
  const refusal = isNotableRefusal(event)
    ? { lastRefusal: { atMs: nowMs, address: peer.address, event } }
    : undefined;
  switch (event.kind) {
    case 'logged-in': {
      const { protocol, cipher, alpn, weakPassword } = event;
      return { change: { control: { listener, protocol, cipher, alpn }, weakPassword }, isDue: true };
    }
    case 'passive':
      return { change: { passiveMode: event.mode }, isDue: false };
    case 'data-secured': {
      const { protocol, cipher, isBound, handshake } = event;
      return { change: { data: { protocol, cipher, isBound, handshake } }, isDue: false };
    }
    case 'uploaded': {
      const { path, bytes, completeness, closeNotify } = event;
      const counts = {
        withCloseNotify: Number(closeNotify === true),
        withoutCloseNotify: Number(closeNotify === false),
        partial: Number(completeness === 'partial'),
      };
      const lastUpload = { atMs: nowMs, path, bytes, completeness };
      return { change: { counts, lastUpload, ...refusal }, isDue: true };
    }
    default:
      return refusal && { change: refusal, isDue: true };
  }
}

type Watched = Readonly<{
  untilMs: number;
  /** Undefined: an account without networks of its own, any address may be this camera's. */
  mayBeFrom: ((address: string) => boolean) | undefined;
}>;

/** Which events are whose, and how many get through. */
function createFollowing({ accounts, clock }: Parts) {
  let watched = new Map<string, Watched>();
  let followers = new Set<string>();
  const beforeLogin = createHeldSessions();
  const strangers = createBucket(clock);
  const cameras = createBucket(clock);

  function row(visitor: Visitor, camera: string, event: SessionEvent): NewSessionEvent {
    const { id, peer, listener } = visitor;
    return { camera, atMs: clock.now(), session: id, address: peer.address, listener, event };
  }

  return {
    refresh(): { acknowledged: NewSessionEvent[]; endsInMs: number | undefined } {
      const now = clock.now();
      const live = accounts.follows().filter(({ untilMs }) => untilMs > now);
      watched = new Map();
      for (const { camera, untilMs } of live) {
        const networks = accounts.camera(camera)?.allowedNetworks ?? [];
        watched.set(camera, {
          untilMs: Math.max(untilMs, watched.get(camera)?.untilMs ?? 0),
          mayBeFrom: networks.length === 0 ? undefined : networkMatcher(networks),
        });
      }
      const acknowledged = live
        .filter(({ follower }) => !followers.has(follower))
        .map(({ follower, camera }) =>
          row({ id: '', peer: { address: '' }, listener: 'explicit' }, camera, {
            kind: 'watching',
            follower,
          }),
        );
      followers = new Set(live.map(({ follower }) => follower));
      if (live.length === 0) {
        beforeLogin.clear();
        return { acknowledged, endsInMs: undefined };
      }
      return { acknowledged, endsInMs: Math.min(...live.map(({ untilMs }) => untilMs)) - now };
    },

    eventsFor(visitor: Visitor, event: SessionEvent): NewSessionEvent[] {
      if (watched.size === 0) return [];
      const now = clock.now();
      const live = [...watched].filter(([, { untilMs }]) => untilMs > now);
      const { camera: own, id } = visitor;
      if (own) {
        if (event.kind === 'logged-in') {
          const held = beforeLogin.take(id, own.name);
          const others = live.filter(([name]) => name !== own.name && beforeLogin.isShown(id, name));
          beforeLogin.forget(id);
          const told = others.map(([name]) => row(visitor, name, { kind: 'other-camera', name: own.name }));
          const isOwn = live.some(([name]) => name === own.name);
          return cameras.limit([...told, ...(isOwn ? [...held, row(visitor, own.name, event)] : [])]);
        }
        return live.some(([name]) => name === own.name) ? cameras.limit([row(visitor, own.name, event)]) : [];
      }
      const shown = live.flatMap(([name, { mayBeFrom }]) => {
        const isNamed = event.kind === 'login-refused' && event.user === name;
        const entry = row(visitor, name, event);
        if (!isNamed && mayBeFrom?.(visitor.peer.address) === false && !beforeLogin.isShown(id, name)) {
          beforeLogin.hold(id, entry);
          return [];
        }
        const before = beforeLogin.take(id, name);
        beforeLogin.show(id, name);
        return [...before, entry];
      });
      if (event.kind === 'closed') beforeLogin.forget(id);
      return strangers.limit(shown);
    },
  };
}

/** What happened in sessions before their log-in, and to whose followers it was shown. */
function createHeldSessions() {
  const sessions = new Map<string, { held: NewSessionEvent[]; shownTo: Set<string> }>();
  const of = (id: string) => {
    const known = sessions.get(id) ?? { held: [], shownTo: new Set<string>() };
    sessions.set(id, known);
    const oldest = sessions.size > maxHeldSessions ? sessions.keys().next().value : undefined;
    if (oldest !== undefined) sessions.delete(oldest);
    return known;
  };
  return {
    hold(id: string, entry: NewSessionEvent): void {
      if (id === '') return;
      const { held } = of(id);
      if (held.length < maxHeldEvents) held.push(entry);
    },
    take(id: string, camera: string): NewSessionEvent[] {
      const known = sessions.get(id);
      if (known === undefined) return [];
      const taken = known.held.filter(entry => entry.camera === camera);
      known.held = known.held.filter(entry => entry.camera !== camera);
      return taken;
    },
    show(id: string, camera: string): void {
      if (id !== '') of(id).shownTo.add(camera);
    },
    isShown: (id: string, camera: string) => sessions.get(id)?.shownTo.has(camera) === true,
    forget: (id: string) => void sessions.delete(id),
    clear: () => sessions.clear(),
  };
}

/** Lets `maxEventsPerSecond` through, and `maxEventsAtOnce` after a quiet time; says how many it did not. */
function createBucket(clock: Clock) {
  let tokens = maxEventsAtOnce;
  let filledAtMs = clock.monotonicMs();
  let skipped = 0;
  return {
    limit(events: NewSessionEvent[]): NewSessionEvent[] {
      const now = clock.monotonicMs();
      tokens = Math.min(maxEventsAtOnce, tokens + ((now - filledAtMs) * maxEventsPerSecond) / 1000);
      filledAtMs = now;
      return events.flatMap(event => {
        if (tokens < 1) {
          skipped++;
          return [];
        }
        tokens--;
        if (skipped === 0) return [event];
        const note: NewSessionEvent = { ...event, session: '', event: { kind: 'skipped', events: skipped } };
        skipped = 0;
        return [note, event];
      });
    },
  };
}

function laterOnce(delayMs: number, work: () => void) {
  let timer: NodeJS.Timeout | undefined;
  const now = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    work();
  };
  return {
    soon: () => {
      timer ??= setTimeout(now, delayMs).unref();
    },
    now,
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
