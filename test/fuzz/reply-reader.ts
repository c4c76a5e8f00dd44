// What the receiver says, read with suspicion.

import { marker } from './command-lines.ts';

/** Replies that quote a virtual path, which is the client's own word. */
const quotingCodes = new Set([250, 257]);
const machineWords =
  /\/tmp\b|clipward|node_modules|\bE[A-Z]{4,}\b|\.ts\b|\bundefined\b|\[object|\bNaN\b|Error:/;
const wellFormed = /^[1-5]\d\d [\x20-\x7e]+$/;
const maxReplyBytes = 10_000;

/** Throws at the first reply that is not as it should be. */
export function openReplyReader() {
  let text = '';
  let multiline: string | null = null;
  let codes: number[] = [];

  function takeLine(line: string): void {
    const shown = JSON.stringify(line);
    if (multiline !== null) {
      if (!line.startsWith(`${multiline} `)) {
        if (!/^ [^\x00-\x1f\x7f]+$/.test(line)) throw new Error(`bad line within a reply: ${shown}`);
        return;
      }
      multiline = null;
    } else if (/^[1-5]\d\d-/.test(line)) {
      multiline = line.slice(0, 3);
      return;
    }
    const code = Number(line.slice(0, 3));
    const isQuoting = quotingCodes.has(code) && line.includes('"/');
    const isWellFormed = isQuoting ? /^[1-5]\d\d [^\x00-\x1f\x7f]+$/.test(line) : wellFormed.test(line);
    if (!isWellFormed) throw new Error(`bad reply: ${shown}`);
    if (!isQuoting && line.includes(marker)) throw new Error(`a reply repeats what was sent: ${shown}`);
    if (machineWords.test(line)) throw new Error(`a reply tells of the machine: ${shown}`);
    codes.push(code);
  }

  return {
    push(chunk: Buffer): void {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
        takeLine(Buffer.from(text.slice(0, end), 'latin1').toString('utf8'));
        text = text.slice(end + 2);
      }
      if (text.length > maxReplyBytes) throw new Error(`a reply without an end: ${text.slice(0, 200)}`);
    },
    /** Replies other than 150 that have come since `take`: each ends one command. */
    finals: () => codes.filter(code => code !== 150).length,
    take(): number[] {
      const taken = codes;
      codes = [];
      return taken.filter(code => code !== 150);
    },
  };
}
