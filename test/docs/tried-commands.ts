// How the commands that are not clipward's, and stand in blocks of the pages, were tried. "By hand" was done on Debian 12.

type Tried = Readonly<{ page: string; line: string; how: string }>;

const manualOnly = 'by nobody: it follows its manual, and there was no Proxmox host';
const inNamespaces =
  'by hand, in network namespaces with a cable between them: the camera is told the time, the clip comes';
const inContainer = 'by hand, in the container of npm run test:systemd';

export const triedCommands: readonly Tried[] = [
  ...of('README.md', 'the fresh clones of the tests of scripts/ (test/scripts)', [
    'git clone ADDRESS-OF-THIS-REPOSITORY clipward',
    'cd clipward',
    'npm start',
  ]),
  ...of('README.md', 'npm run test:systemd, in a container', ['systemd/install.sh']),
  ...of('README.md', 'by hand', ['mkdir -p /etc/bash_completion.d /usr/local/share/man/man1']),
  ...of('certs/README.md', 'test/cli/cert.test.ts uploads with the same options', [
    'curl --cacert certs/ca.crt --ssl-reqd --user front-door -T clip.mp4 ftp://192.168.1.5:2121/',
  ]),
  ...of(
    'docs/cameras.md',
    'test/receive/interop.test.ts and test/cli/cert.test.ts upload with these options',
    [
      'curl --cacert certs/ca.crt --ssl-reqd --user front-door --ftp-create-dirs -T clip.mp4 ftp://192.168.1.5:2121/',
    ],
  ),
  ...of('docs/backup.md', 'by hand, file by file; test/base/database-copies.test.ts has the copies', [
    'cd state && mv catalogue.db catalogue.db.newer && rm -f catalogue.db-wal catalogue.db-shm && mv catalogue.db.schema-006 catalogue.db',
  ]),
  ...of('docs/certificates.md', 'test/access/outside-certificate.test.ts takes a key with these rights', [
    'cd /etc/letsencrypt',
    'chgrp clipward-receive live archive archive/clips.example.org/privkey*.pem',
    'chmod 750 live archive',
    'chmod 640 archive/clips.example.org/privkey*.pem',
  ]),
  ...of('docs/export.md', 'test/cli/event-export.test.ts', ['sh /tmp/event.mp4.evidence/verify.sh']),
  ...of('docs/firewall.md', 'test/cli/firewall-namespaces.test.ts', [
    'nft -c -f /etc/nftables.d/clipward.nft',
    'nft -f /etc/nftables.d/clipward.nft',
  ]),
  ...of('docs/integrity.md', 'test/inspect/evidence.test.ts', [
    'openssl pkey -pubin -in state/secrets/signing.pub -outform DER | sha256sum',
    'sh /tmp/evidence/verify.sh',
  ]),
  ...of('docs/monitoring.md', 'test/deliver/alerting-daemon.test.ts asks the same address', [
    'curl -s http://127.0.0.1:8321/readyz',
  ]),
  ...of('docs/proxmox.md', manualOnly, [
    'qm create 210 --name clipward --memory 2048 --cores 2 --cpu host --ostype l26 --scsihw virtio-scsi-single --onboot 1',
    'qm set 210 --scsi0 local-lvm:16,iothread=1,discard=on',
    'qm set 210 --scsi1 local-lvm:2000,iothread=1,discard=on,backup=0',
    'qm set 210 --net0 virtio,bridge=vmbr0,firewall=1',
    'qm set 210 --net1 virtio,bridge=vmbr0,tag=20,firewall=1',
    "qm set 210 --ide2 local:iso/debian-13-amd64-netinst.iso,media=cdrom --boot 'order=scsi0;ide2'",
    'qm start 210',
  ]),
  ...of('docs/proxmox.md', inNamespaces, [
    "printf 'auto ens19\\niface ens19 inet static\\n    address 192.168.20.5/24\\n' > /etc/network/interfaces.d/cameras",
    'ifup ens19',
    'apt-get install chrony',
    "echo 'allow 192.168.20.0/24' > /etc/chrony/conf.d/cameras.conf",
  ]),
  ...of('docs/proxmox.md', 'in a container, where its unit is skipped since it may not set the clock', [
    'systemctl restart chrony',
  ]),
  ...of('docs/proxmox.md', 'npm run test:systemd, in a container', ['systemctl daemon-reload']),
  ...of('docs/proxmox.md', 'by hand, with the line in fstab and a file with that file system', [
    'mount /var/lib/clipward/data',
  ]),
  ...of(
    'docs/proxmox.md',
    'by hand, the file system in a file and the line read by systemd-fstab-generator',
    [
      'mkfs.ext4 -m 0 -L clips /dev/sdb',
      'mkdir -p /var/lib/clipward/data',
      "echo 'LABEL=clips /var/lib/clipward/data ext4 noatime,nodev,nosuid,noexec,nofail,x-systemd.device-timeout=30s,x-systemd.before=clipward-archive.service 0 2' >> /etc/fstab",
    ],
  ),
  ...of('docs/proxmox.md', 'by hand', ['sysctl -n net.ipv4.ip_forward']),
  ...of('docs/remote-access.md', inNamespaces, [
    'scp root@vm:/tmp/fcyfh9dcps.mp4 .',
    'ssh -N -L 8321:127.0.0.1:8321 root@vm',
  ]),
  ...of('docs/soak.md', 'by hand, some of them for a shorter time', [
    'npm run soak -- --minutes 120',
    'npm run soak -- --minutes 120 --pause 45-90',
    'npm run soak -- --minutes 3 --pause 4-10 --seed 7',
    'npm run soak -- --minutes 120 --csv memory.csv --log daemon.log',
  ]),
  ...of('docs/systemd.md', 'npm run test:systemd, in a container', [
    'systemd/install.sh',
    'systemd/install.sh --uninstall',
  ]),
  ...of('docs/systemd.md', inContainer, [
    'systemctl edit clipward-outbound.service',
    "systemctl status 'clipward*'",
  ]),
  ...of('docs/torture.md', 'test/torture in npm test, with fewer cycles', [
    'npm run torture -- --cycles 200',
    'npm run torture -- --cycles 200 --power-cuts',
    'npm run torture -- --cycles 200 --power-cuts --file-system btrfs',
    'npm run torture -- --cycles 50 --seed 42',
  ]),
];

function of(page: string, how: string, lines: readonly string[]): Tried[] {
  return lines.map(line => ({ page, line, how }));
}
