import { type Network, networkMatcher } from '../domain/networks.ts';

/** The entry of a list in which a network lies as a whole, or undefined. */
export function networkAround(list: readonly Network[], network: Network): Network | undefined {
  return list.find(
    entry =>
      entry.family === network.family &&
      entry.prefix <= network.prefix &&
      networkMatcher([entry])(network.address),
  );
}
