// The kinds of values that settings have, each with the words that say what was expected.

import { z } from 'zod';

export const minute = 60_000;
export const hour = 60 * minute;

export const port = (description: string) =>
  z
    .int({ error: 'a port from 1 to 65535' })
    .min(1, 'a port from 1 to 65535')
    .max(65535, 'a port from 1 to 65535')
    .describe(description);

export const whole = (min: number, max: number, description: string) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, error).max(max, error).describe(description);
};

export const flag = (description: string) => z.boolean({ error: 'true or false' }).describe(description);

export const text = (description: string) =>
  z.string({ error: 'a text' }).min(1, 'a text that is not empty').describe(description);

export const oneOf = <const T extends readonly [string, ...string[]]>(values: T, description: string) =>
  z.enum(values, { error: `one of ${values.join(', ')}` }).describe(description);

export const section = <Shape extends z.core.$ZodShape>(shape: Shape, description: string) =>
  z
    .strictObject(shape, {
      error: issue => (issue.code === 'invalid_type' ? 'a section with settings in it' : undefined),
    })
    .describe(description);
