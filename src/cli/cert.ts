// clipward cert: the certificates that cameras are shown, making new ones, and the authority's for those who check.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { authorityCertificateFile, openCertificates } from '../access/certificates.ts';
import { serverNames } from '../access/server-names.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError, UsageError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { counted } from '../domain/counted.ts';
import { formatInstant } from '../domain/time-zone.ts';
import {
  type CertificateFacts,
  type CertificateName,
  type CertificateReport,
  readCertificates,
  type UnusableCertificate,
} from '../inspect/certificates.ts';
import { openOutFile } from '../inspect/export/out-file.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';
import type { Desk } from './desk.ts';
import { withCommonOptions } from './frame.ts';
import { escapeForTerminal, formatFacts } from './table.ts';

export function registerCertCommands(program: Command, desk: Desk): void {
  const cert = program.command('cert').description('the certificates that cameras are shown');
  const show = cert
    .command('show')
    .description('which certificates there are, whom they are for, and until when')
    .action(async (_options: unknown, command: Command) => {
      const report = await readReport(desk.settings(command));
      desk.print(desk.wantsJson(command) ? JSON.stringify(factsOf(report), null, 2) : formatReport(report));
      if (report.troubles.length > 0) desk.setExitCode(1);
    });
  withCommonOptions(show, { json: true });
  const renew = cert
    .command('renew')
    .description("make our own server certificates anew now, for the machine's names and addresses")
    .option('--if-needed', 'only what is missing, ends soon, or lacks a name or address of this machine')
    .option('--new-keys', 'with new private keys, for when somebody may have seen the old ones')
    .action((options: RenewOptions, command: Command) => renewNow(options, command, desk));
  withCommonOptions(renew, { json: false });
  const exportCa = cert
    .command('export-ca')
    .description("print the authority's certificate, for clients that check")
    .option('--out <file>', 'write it to this new file instead')
    .action((options: { out?: string }, command: Command) => exportAuthority(options, command, desk));
  withCommonOptions(exportCa, { json: false });
}

function readReport({ certsDir, ftps }: Settings): Promise<CertificateReport> {
  return readCertificates({ certsDir, outsideDir: ftps.tls.certificateDir }, systemClock.now());
}

type RenewOptions = { newKeys?: true; ifNeeded?: true };

async function renewNow(options: RenewOptions, command: Command, desk: Desk): Promise<void> {
  if (options.newKeys && options.ifNeeded)
    throw new UsageError('Name one of --if-needed and --new-keys: new keys are always made when asked for.');
  const settings = desk.settings(command);
  const { certsDir, ftps } = settings;
  await openCertificates(
    { certsDir, ...serverNames(ftps), clock: systemClock, log: silentLog() },
    { renew: options.newKeys ? 'keys' : options.ifNeeded ? 'needed' : 'all' },
  );
  const { certificates, troubles } = await readReport(settings);
  for (const facts of certificates.filter(({ name }) => name.startsWith('server-')))
    desk.print(
      facts.renewedBy === 'clipward'
        ? `${facts.name} is valid until ${instantOf(facts.validToAt)}.`
        : `${facts.name} comes from elsewhere and was left as it is.`,
    );
  if (certificates.some(({ name }) => name === 'outside'))
    desk.remark(
      `Cameras are shown the certificate in ${escapeForTerminal(ftps.tls.certificateDir ?? '')}, which is renewed where it comes from.`,
    );
  for (const { sentence } of troubles) desk.remark(escapeForTerminal(sentence));
  desk.remark('A running clipward takes new certificates within ten seconds; no connection is cut.');
}

async function exportAuthority(options: { out?: string }, command: Command, desk: Desk): Promise<void> {
  const file = authorityCertificateFile(desk.settings(command).certsDir);
  if (!existsSync(file))
    throw new FailedError(
      'There is no authority yet: it is made when clipward serve first starts, or by clipward cert renew.',
    );
  const pem = (await readFile(file, 'utf8')).replaceAll('\r', '');
  if (options.out === undefined) return desk.print(pem.trimEnd());
  await using out = await openOutFile(options.out);
  await out.file.writeFile(pem);
  // It is meant to be handed on.
  await out.file.chmod(0o644);
  await out.publish();
  desk.remark(`${options.out} is the certificate that clients trust; it holds no secret.`);
}

/** The shape of `cert show --json` (docs/json.md). */
function factsOf({ certificates, unusable, troubles }: CertificateReport) {
  return {
    certificates: certificates.map(({ validFromAt, validToAt, ...facts }) => ({
      ...facts,
      validFrom: instantOf(validFromAt),
      validTo: instantOf(validToAt),
    })),
    unusable,
    troubles,
  };
}

const titles: Record<CertificateName, string> = {
  outside: 'Certificate from elsewhere',
  'server-rsa': 'Our certificate, RSA',
  'server-ecdsa': 'Our certificate, ECDSA',
  ca: 'Our authority',
};

function formatReport({ certificates, unusable, troubles }: CertificateReport): string {
  if (certificates.length === 0 && troubles.length === 0)
    return 'There is no certificate yet: they are made when clipward serve first starts, or by clipward cert renew.';
  const said = new Set(unusable.map(({ sentence }) => sentence));
  return [
    ...unusable.map(
      facts => `${titles[facts.name]}, which cannot be used\n${formatFacts(linesOfUnusable(facts))}`,
    ),
    ...certificates.map(facts => `${titles[facts.name]}\n${formatFacts(linesOf(facts))}`),
    ...troubles
      .filter(({ sentence }) => !said.has(sentence))
      .map(({ sentence }) => escapeForTerminal(sentence)),
  ].join('\n\n');
}

function linesOfUnusable({
  name,
  file,
  keyFile,
  sentence,
}: UnusableCertificate): (readonly [string, string])[] {
  return [
    ['  file', file],
    ['  key', keyFile],
    ['  why not', sentence],
    ['  until then', meanwhile[name === 'ca' ? 'ca' : 'server']],
  ];
}

/** What readInstalledCertificates and its watch make of it. */
const meanwhile = {
  server: 'a clipward that runs stays with what it showed before; clipward serve cannot be started',
  ca: 'the server certificates stay as they are; clipward serve cannot be started',
} as const;

function linesOf(facts: CertificateFacts): (readonly [string, string])[] {
  const names = [...facts.names, ...facts.addresses].map(escapeForTerminal);
  return [
    ['  file', escapeForTerminal(facts.file)],
    [
      '  key',
      facts.keyFile === null ? 'not here: new certificates cannot be made' : escapeForTerminal(facts.keyFile),
    ],
    ...(facts.name === 'ca' ? [] : [['  shown', facts.shown ? 'yes' : 'no'] as const]),
    ...(names.length === 0 ? [] : [['  made out to', names.join(', ')] as const]),
    ['  issued by', escapeForTerminal(facts.issuer)],
    ['  valid until', `${instantOf(facts.validToAt)} (${daysText(facts)})`],
    ['  renewed by', facts.renewedBy],
    ['  SHA-256', facts.fingerprint],
  ];
}

function daysText({ life, daysLeft }: CertificateFacts): string {
  if (life === 'ended') return 'it has ended';
  return counted(daysLeft, 'day');
}

function instantOf(epochMs: number): string {
  return formatInstant(epochMs, machineTimeZone());
}
