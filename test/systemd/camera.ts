// A camera on the cable to a machine of the tests: it uploads, and it serves its stream over RTSP.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';
import { loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { makeMp4 } from '../support/media.ts';
import type { Container } from './container.ts';

const implicitPorts = [990, 2990];

export function actAsCamera({ address, ourAddress, must }: Container) {
  let password = '';
  const tryUpload = async (name: string, port: number): Promise<number> => {
    const account = { user: 'den', password };
    const client = await (implicitPorts.includes(port) ? loginImplicit : loginExplicit)(port, account, {
      host: address,
    });
    try {
      return (await client.upload(name, await anotherClip())).code;
    } finally {
      client.close();
    }
  };
  return {
    /** `program`: the command clipward, as it is there just now. */
    async add(program: string): Promise<void> {
      const said = await must(program, 'camera', 'add', 'den', '--allow', ourAddress, '--json');
      ({ password } = JSON.parse(said));
    },
    /** The last reply to STOR. */
    tryUpload,
    /** Throws unless it is acknowledged. */
    async upload(name: string, port: number): Promise<void> {
      const code = await tryUpload(name, port);
      if (code !== 226) throw new Error(`the upload of ${name} to port ${port} was answered with ${code}`);
    },
    /** From now on it serves a stream, and is recorded. */
    async stream(): Promise<void> {
      const served = await startFakeCamera({
        host: ourAddress,
        elementaryStream: await makeElementaryStream(),
      });
      await must('clipward', 'camera', 'set', 'den', '--rtsp', `rtsp://${ourAddress}:${served.port}/stream`);
    },
  };
}

/** No two alike: the box at its end says nothing to a player. */
async function anotherClip(): Promise<Buffer> {
  const header = Buffer.from([0, 0, 0, 24, ...Buffer.from('free')]);
  return Buffer.concat([readFileSync(await makeMp4()), header, randomBytes(16)]);
}
