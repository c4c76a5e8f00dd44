// What this room tells of its sessions, for the person who wonders what a camera does. What becomes of it is not known here.

import type { SessionEvent, Visitor } from '../domain/session-event.ts';
import type { RefusedError } from './refused-error.ts';

/** Called at every step of a session; must be quick, and must not throw. */
export type Observe = (visitor: Visitor, event: SessionEvent) => void;

/** `verb` null: the transfer that a command began. */
export function refusedEvent(verb: string | null, error: RefusedError): SessionEvent {
  return { kind: 'refused', verb, reply: error.code, text: error.message, why: error.why };
}
