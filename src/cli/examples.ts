// Examples of every command, for its help and for the manual. A test parses each with the real commands.

import type { Command } from 'commander';

/** What to type behind `clipward`, and what comes of it. */
export type Example = readonly [line: string, what: string];

/** Of a command by its path, such as `camera add`. */
export function examplesOf(path: string): readonly Example[] {
  return examples[path] ?? [];
}

/** Puts them at the end of the command's help. */
export function showExamples(command: Command, path: string): void {
  const own = examplesOf(path);
  if (own.length === 0) return;
  const lines = own.map(([line, what]) => `  # ${what}\n  clipward ${line}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** The paths that have some. */
export function pathsWithExamples(): string[] {
  return Object.keys(examples);
}

const examples: Readonly<Record<string, readonly Example[]>> = {
  serve: [
    ['serve', 'run everything in the foreground, until Ctrl-C'],
    ['serve --config /etc/clipward/clipward.yaml', 'with these settings'],
    ['serve --only receive', 'only the role that cameras talk to'],
  ],
  'camera add': [
    ['camera add front-door --allow 192.168.1.20', 'a camera that uploads; prints what to type into it'],
    [
      'camera add yard --allow 192.168.1.0/24 --time-zone Europe/Berlin',
      "from a whole network; the camera's clock is set to this zone",
    ],
    [
      'camera add shed --rtsp rtsp://viewer@192.168.1.21/stream --rtsp-password-stdin',
      'a camera that is recorded; asks for the password of its stream',
    ],
  ],
  'camera list': [['camera list', 'all cameras, and how they do']],
  'camera show': [
    ['camera show front-door', 'what is known of it, and what was refused'],
    ['camera show front-door --follow', 'tell what it does while its Test button is pressed'],
  ],
  'camera passwd': [
    ['camera passwd front-door', 'make a new password and show it once'],
    ['camera passwd front-door --password-stdin', 'take one that is typed or piped in'],
  ],
  'camera enable': [['camera enable front-door', 'let it log in again']],
  'camera disable': [['camera disable front-door', 'keep it out; its clips stay']],
  'camera remove': [['camera remove front-door', 'forget the camera; its clips and its footage stay']],
  'camera set': [
    ['camera set front-door --time-zone Europe/Berlin', "the zone that the camera's clock is set to"],
    ['camera set front-door --keep-clips-days 30', 'delete its clips after 30 days'],
    [
      'camera set front-door --rtsp rtsp://viewer@192.168.1.20/stream --rtsp-password-stdin',
      'record its stream; asks for the password',
    ],
    ['camera set front-door --expect-every 2d', 'alert when nothing has come from it for two days'],
    ['camera set front-door --record 22:00-06:00', 'record at night only'],
  ],
  'camera allow': [['camera allow front-door 192.168.1.21 192.168.2.0/24', 'more places to log in from']],
  'camera deny': [['camera deny front-door 192.168.1.21', 'not from there any more']],
  'camera snapshot': [
    ['camera snapshot front-door --out now.jpg', 'the last picture that was recorded'],
    ['camera snapshot front-door --out last.jpg --any-age', 'also one from long ago'],
  ],
  'network list': [['network list', 'from where anybody may connect']],
  'network add': [['network add 203.0.113.0/24', 'let addresses of this network connect']],
  'network remove': [['network remove 203.0.113.0/24', 'close them out again']],
  'ban list': [['ban list', 'who is kept out now, why, and until when']],
  'ban clear': [
    ['ban clear 192.168.1.20', 'let this address in again'],
    ['ban clear', 'let all of them in again'],
  ],
  'cert show': [['cert show', 'certificates, whom they are for, and until when']],
  'cert renew': [
    ['cert renew', 'make the server certificates anew; clients need nothing new'],
    ['cert renew --new-keys', 'when somebody may have seen the private keys'],
  ],
  'cert export-ca': [['cert export-ca --out clipward-ca.crt', 'for a client that checks whom it talks to']],
  'clip list': [
    ['clip list --limit 20', 'the newest twenty'],
    ['clip list --camera front-door --since 2h', 'of one camera, of the last two hours'],
    ['clip list --since 2026-11-20T22:00 --until 2026-11-21T06:00 --json', 'of one night, for a program'],
  ],
  'clip show': [['clip show fcyfh9dcps', 'all that is known of one clip']],
  'clip export': [
    ['clip export fcyfh9dcps --out evidence.mp4', 'a copy, byte for byte'],
    ['clip export fcyfh9dcps --out evidence --proof', 'a folder that also shows that nothing has changed'],
  ],
  'event list': [['event list --since 1d', 'what happened since yesterday']],
  'event show': [['event show k3v9d2mzq1', 'its clips, and the footage around it']],
  'event export': [
    ['event export k3v9d2mzq1 --out burglary.mp4', 'one film, with the footage around it'],
    ['event export k3v9d2mzq1 --out burglary.mp4 --proof', 'and what shows that nothing has changed'],
  ],
  'footage list': [['footage list --camera front-door --since 1h', 'what was recorded in the last hour']],
  'footage gaps': [['footage gaps --camera front-door --since 1d', 'when nothing was recorded, and why']],
  'footage export': [
    [
      'footage export --camera front-door --from 2026-11-21T03:40 --to 2026-11-21T03:55 --out night.mp4',
      'a quarter of an hour as one film',
    ],
  ],
  'hold add': [
    ['hold add --event k3v9d2mzq1 --reason burglary', 'keep an event until the hold is removed'],
    ['hold add --camera front-door --from 3h --to 1h', 'keep everything of one camera in these two hours'],
  ],
  'hold list': [['hold list', 'what is on hold']],
  'hold remove': [['hold remove 7m2xq0c4', 'let retention decide again']],
  'retention plan': [['retention plan', 'what would be deleted now; deletes nothing']],
  'retention run': [
    ['retention run', 'delete now what the plan names'],
    ['retention run --trust-clock', 'after the clock of the machine was put right by days'],
  ],
  import: [
    ['import /srv/ftp/front-door --camera front-door --dry-run', 'only show what would come of it'],
    [
      'import /srv/ftp/front-door --camera front-door',
      'copy what another server received; run again to go on',
    ],
  ],
  backup: [
    ['backup --out /mnt/usb/clipward-2026-11-21', 'a copy of everything, while it runs'],
    ['backup --out /mnt/usb/clipward-2026-11-21 --resume', 'go on where it was interrupted'],
  ],
  status: [
    ['status', 'how everything is, on one screen'],
    ['status --watch', 'and again every two seconds, until Ctrl-C'],
    ['status --json', 'the same for a program; exit code 1 when something is wrong'],
  ],
  check: [
    ['check', 'compare all files with the catalogue'],
    ['check --repair', 'and mend what can be mended without losing anything'],
  ],
  verify: [
    ['verify', 'read everything again and compare it with what was received'],
    ['verify --camera front-door --since 7d', 'only what one camera sent this week'],
    ['verify --resume', 'go on with one that was interrupted'],
  ],
  doctor: [
    ['doctor', 'look for what could keep clips from arriving'],
    ['doctor --test-alert', 'send a test through each channel of alerts'],
    ['doctor --json', 'for a program; exit code 1 when something fails'],
  ],
  firewall: [
    ['firewall --format proxmox --allow-ntp 192.168.1.1', 'rules for the virtual machine on Proxmox'],
    ['firewall --format nft', 'rules for nftables on this machine'],
  ],
  'config check': [
    [
      'config check --config /etc/clipward/clipward.yaml',
      'whether a settings file is right, before a restart',
    ],
  ],
  'config explain': [['config explain', 'every setting, its value, and where that comes from']],
  'completion bash': [
    ['completion bash > /etc/bash_completion.d/clipward', 'for all users, as root'],
    ['completion bash > ~/.local/share/bash-completion/completions/clipward', 'for one user'],
  ],
  'completion zsh': [['completion zsh > /usr/local/share/zsh/site-functions/_clipward', 'as root']],
  'completion fish': [['completion fish > ~/.config/fish/completions/clipward.fish', 'for one user']],
  manual: [
    ['manual | man -l -', 'read it'],
    ['manual > /usr/local/share/man/man1/clipward.1', 'install it, as root'],
  ],
};
