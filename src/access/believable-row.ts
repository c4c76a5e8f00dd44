// What stands in receiver.db is the word of the receiver, who may have been taken over: for another role a row is what it
// should be, or there is none. Texts are as hostile as what a client sends: whoever shows them escapes them.

/** More than the longest line of a client as JSON. */
const maxTextLength = 32_768;
/** The last that ISO 8601 shows with four digits, in every zone. */
const maxInstantMs = Date.UTC(9999, 11, 30);

/** Texts of a length, whole numbers from 0 that JavaScript has, and in `instants` such that can be shown as a time. */
export function isBelievable<Row extends object>(row: Row, instants: readonly (keyof Row)[]): boolean {
  return (
    Object.values(row).every(value => value === null || isShortText(value) || isCount(value)) &&
    instants.every(name => row[name] === null || (isCount(row[name]) && row[name] <= maxInstantMs))
  );
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= maxTextLength;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
