// How cameras write the time of a clip into its name: one row per pattern, and a camera with a new pattern is one more row.

/**
 * A pattern over the virtual path, folders included. Named groups say what was found; anything but digits is dropped
 * from their text, so a group may span separators:
 *
 * - `date` (YYYYMMDD), `hour` (when it stands apart from the rest), `time` (hhmmss), `ms` (three digits)
 * - `endDate`, `endTime`: the end; without a date it is the first such time that is not before the start
 * - `unix`: seconds since 1970; `utc`: the time is UTC whatever the camera's zone
 *
 * Every name is matched against every row, and names are the sender's, so patterns stay linear: they begin at a
 * component (`start`) or are of fixed length, and nothing that repeats is repeated again.
 */
export type ClipNameRow = Readonly<{
  /** The row of the table in docs/cameras.md. */
  row: number;
  maker: string;
  pattern: RegExp;
  /** A pattern that nobody vouches for: believed only close to the arrival, otherwise as if it had not been there. */
  isGuess?: true;
  /** What the name alone says that the file is. */
  kindHint?: 'test' | 'sentinel';
  examples: readonly ClipNameExample[];
}>;

/** A name, and the wall time in it as YYYY-MM-DD hh:mm:ss; `start` null when the row has no time, `invalid` when it must not be believed. */
export type ClipNameExample = Readonly<{
  path: string;
  start: string | null | 'invalid';
  end?: string;
}>;

const start = '(?:^|/)';
const extension = '\\.[a-z0-9]{1,5}$';
const day = '(?<date>\\d{8})';
const clock = '(?<time>\\d{6})';

/** Tried from the top, and the first row that matches decides, so the more particular stand first. */
export const clipNameTable: readonly ClipNameRow[] = [
  {
    row: 12,
    maker: 'Dahua sentinel',
    pattern: row(start, 'DVRWorkDirectory$'),
    kindHint: 'sentinel',
    examples: [
      { path: 'DVRWorkDirectory', start: null },
      { path: 'ENTRADA/2026-08-30/DVRWorkDirectory', start: null },
    ],
  },
  {
    row: 5,
    maker: 'Reolink SD card',
    pattern: row(
      start,
      'Rec[A-Z]\\d\\d_(?:DST)?',
      day,
      '_',
      clock,
      '_(?<endTime>\\d{6})_[0-9A-Z_]*',
      extension,
    ),
    examples: [
      {
        path: 'RecM03_20260918_235930_000130_6D28808_1A468F9.mp4',
        start: '2026-09-18 23:59:30',
        end: '2026-09-19 00:01:30',
      },
      {
        path: 'Mp4Record/2026-09-18/RecS00_20260918_120000_120030_0_6D28808_1A468F9.mp4',
        start: '2026-09-18 12:00:00',
        end: '2026-09-18 12:00:30',
      },
    ],
  },
  {
    row: 6,
    maker: 'Dahua, Amcrest',
    // The letter is R (regular), M (motion), A (alarm) or I (intelligence).
    pattern: row(
      start,
      '(?<date>\\d{4}-\\d\\d-\\d\\d)/[^/]*/(?:dav|mp4)/(?:\\d\\d/)?(?<time>\\d\\d\\.\\d\\d\\.\\d\\d)',
      '-(?<endTime>\\d\\d\\.\\d\\d\\.\\d\\d)\\[[A-Z]\\]\\[[^\\]/]*\\]\\[\\d{1,4}\\]',
      '\\.[a-z0-9_]{1,5}$',
    ),
    examples: [
      {
        path: '2019-05-09/001/dav/21/21.04.49-21.05.14[M][0@0][0].mp4',
        start: '2019-05-09 21:04:49',
        end: '2019-05-09 21:05:14',
      },
      {
        path: 'ENTRADA/2019-05-09/001/dav/23/23.59.50-00.00.12[R][0@0][0].dav',
        start: '2019-05-09 23:59:50',
        end: '2019-05-10 00:00:12',
      },
      {
        path: '2019-05-09/001/dav/21/21.04.49-21.05.14[A][0@0][0].idx',
        start: '2019-05-09 21:04:49',
        end: '2019-05-09 21:05:14',
      },
      {
        path: '2019-05-09/001/mp4/21.04.49-21.05.14[I][0@0][0].mp4',
        start: '2019-05-09 21:04:49',
        end: '2019-05-09 21:05:14',
      },
      { path: '2019-05-09/001/dav/21/24.04.49-21.05.14[M][0@0][0].mp4', start: 'invalid' },
    ],
  },
  {
    row: 7,
    maker: 'Dahua picture: hour/minute/second; an index above 0 is a part of the picture (row 9)',
    pattern: row(
      start,
      '(?<date>\\d{4}-\\d\\d-\\d\\d)/[^/]*/(?:jpg/)?(?<time>\\d\\d/\\d\\d/\\d\\d)',
      '\\[[A-Z]\\]\\[[^\\]/]*\\]\\[\\d{1,4}\\]',
      extension,
    ),
    examples: [
      {
        path: 'AMC0028V_795UUB/2018-08-24/001/jpg/22/27/22[M][0@0][0].jpg',
        start: '2018-08-24 22:27:22',
      },
      {
        path: 'IPC-HDBW5238R-AS/4D027BCPAA05B90/2018-07-25/pic_001/09/52/21[M][0@0][1].jpg',
        start: '2018-07-25 09:52:21',
      },
      { path: '2018-08-24/001/jpg/22/27/60[M][0@0][0].jpg', start: 'invalid' },
    ],
  },
  {
    row: 8,
    maker: 'Dahua picture: hour/minute.second',
    pattern: row(
      start,
      '(?<date>\\d{4}-\\d\\d-\\d\\d)/[^/]*/jpg/(?<time>\\d\\d/\\d\\d\\.\\d\\d)',
      '\\[[A-Z]\\]\\[[^\\]/]*\\]\\[\\d{1,4}\\]',
      extension,
    ),
    examples: [{ path: '2023-08-03/001/jpg/08/25.03[M][0@0][0].jpg', start: '2023-08-03 08:25:03' }],
  },
  {
    row: 10,
    maker: 'Dahua traffic',
    // A number of four digits before the last was seen too: no milliseconds, and not read.
    pattern: row(
      start,
      '(?:[^/]*_)?(?<date>\\d{4}_\\d\\d_\\d\\d)_(?<time>\\d\\d_\\d\\d_\\d\\d)',
      '_(?:(?<ms>\\d{3})_|\\d{1,4}_)?\\d{1,4}',
      extension,
    ),
    examples: [
      {
        path: 'ITC302-RF2D/4C0282CPAJ7740E/2018/10/09/18/2018_10_09_18_53_51_0.jpg',
        start: '2018-10-09 18:53:51',
      },
      { path: 'ITC302-RF2D/plate_2017_05_23_16_00_15_5704_0.jpg', start: '2017-05-23 16:00:15' },
      { path: 'ITC302-RF2D/plate_2017_05_23_16_00_15_570_0.jpg', start: '2017-05-23 16:00:15.570' },
    ],
  },
  {
    row: 14,
    maker: 'Hikvision NVR clip',
    // The first stamp belongs to the recorder's own file; the second is when the clip was taken.
    pattern: row(start, '[^/]*_\\d{14}_', day, '_', clock, '_\\d{1,4}', extension),
    examples: [
      {
        path: '192.168.0.67_20210207230537_20210224_220227_0.mp4',
        start: '2021-02-24 22:02:27',
      },
    ],
  },
  {
    row: 13,
    maker: 'Hikvision',
    pattern: row(start, '[^/]*_\\d\\d_', day, clock, '(?<ms>\\d{3})_[a-z_]*', extension),
    examples: [
      {
        path: '192.168.1.65_01_20250905115636245_MOTION_DETECTION.jpg',
        start: '2025-09-05 11:56:36.245',
      },
      { path: '192.168.1.65_01_20250905115636245_TIMING.jpg', start: '2025-09-05 11:56:36.245' },
      {
        path: 'garden/192.168.1.65_02_20250905115636000_LINE_CROSSING_DETECTION.jpg',
        start: '2025-09-05 11:56:36',
      },
      {
        path: '192.168.1.65_01_20250905115636999_VEHICLE_DETECTION.jpg',
        start: '2025-09-05 11:56:36.999',
      },
    ],
  },
  {
    row: 11,
    maker: 'Dahua, Lorex NVR with an end',
    pattern: row(start, '(?:[^/]*_)?', day, clock, '_(?<endDate>\\d{8})(?<endTime>\\d{6})', extension),
    examples: [
      {
        path: '2026-08-30/N843A8_ch3_main_20260830214636_20260830214641.dav',
        start: '2026-08-30 21:46:36',
        end: '2026-08-30 21:46:41',
      },
      {
        path: '2026-08-30/前门_通道3_20260830235959_20260831000004.dav',
        start: '2026-08-30 23:59:59',
        end: '2026-08-31 00:00:04',
      },
      { path: 'N843A8_ch3_main_20260830214636_20261340214641.dav', start: '2026-08-30 21:46:36' },
    ],
  },
  {
    row: 11,
    maker: 'Dahua, Lorex NVR without an end',
    pattern: row(start, '(?:[^/]*_)?ch\\d{1,3}_(?:main_|sub_)?', day, clock, extension),
    examples: [{ path: 'ch4_20260830214636.dav', start: '2026-08-30 21:46:36' }],
  },
  {
    row: 4,
    maker: 'Reolink test',
    pattern: row(start, '(?:[^/]*_)?', day, clock, '\\.txt$'),
    kindHint: 'test',
    examples: [{ path: 'Den_00_20260927144657.txt', start: '2026-09-27 14:46:57' }],
  },
  {
    row: 1,
    maker: 'Reolink; with the model as name and an upper-case extension (row 3)',
    pattern: row(start, '[^/]*_\\d\\d_', day, clock, extension),
    examples: [
      { path: '2026/09/27/Den_00_20260927140301.mp4', start: '2026-09-27 14:03:01' },
      { path: 'Front Door_00_20260927140301.jpg', start: '2026-09-27 14:03:01' },
      { path: 'Camera BE_01_20210315004528.jpg', start: '2021-03-15 00:45:28' },
      { path: 'RLC-810A_00_20260815060334.MP4', start: '2026-08-15 06:03:34' },
    ],
  },
  {
    row: 2,
    maker: 'Reolink, no channel',
    pattern: row(start, '[^/]*_', day, clock, extension),
    examples: [
      { path: 'Cam_20210313090000.mp4', start: '2021-03-13 09:00:00' },
      { path: 'x_20261340214636.mp4', start: 'invalid' },
    ],
  },
  {
    row: 15,
    maker: 'Foscam still',
    pattern: row(start, '[a-z]*_', day, '-', clock, extension),
    examples: [
      { path: 'FI9805W_C4D6553DECE1/snap/MDAlarm_20190926-122821.jpg', start: '2019-09-26 12:28:21' },
      { path: 'HMDAlarm_20260925-021400.jpg', start: '2026-09-25 02:14:00' },
      { path: 'MDAlarm_20261399-021400.jpg', start: 'invalid' },
    ],
  },
  {
    row: 16,
    maker: 'Foscam clip',
    pattern: row(start, '[a-z]*_', day, '_', clock, extension),
    examples: [
      { path: 'FI9805E_C4D65535806E/record/alarm_20151018_093118.mkv', start: '2015-10-18 09:31:18' },
      { path: 'MDalarm_20260728_111148.mkv', start: '2026-07-28 11:11:48' },
    ],
  },
  {
    row: 17,
    maker: 'Yi hack',
    // What stands behind the S is no second: 60 in clips that last a minute.
    pattern: row(
      start,
      '(?<date>\\d{4}Y\\d\\dM\\d\\dD)(?<hour>\\d\\d)H/(?:E\\d)?(?<time>\\d\\dM\\d\\d)S\\d\\d',
      extension,
    ),
    examples: [
      { path: '2020Y11M17D08H/11M00S60.mp4', start: '2020-11-17 08:11:00' },
      { path: '2023Y07M06D13H/E201M57S03.mp4', start: '2023-07-06 13:01:57' },
      { path: '2020Y11M17D08H/11M60S60.mp4', start: 'invalid' },
    ],
  },
  {
    row: 17,
    maker: 'Yi hack, flat: no date',
    pattern: row(start, '(?:E\\d)?\\d\\dM\\d\\dS\\d\\d', extension),
    examples: [{ path: '29M00S60.mp4', start: null }],
  },
  {
    row: 18,
    maker: 'ACTi',
    pattern: row(start, '[^/]*_(?<date>\\d{4}_\\d\\d_\\d\\d)@', clock, extension),
    examples: [{ path: 'Front_Door_2009_10_12@195037.JPG', start: '2009-10-12 19:50:37' }],
  },
  {
    row: 18,
    maker: 'Level One',
    pattern: row(start, 'Img_(?<date>\\d{4}-\\d\\d-\\d\\d)/Snap_', clock, '_\\d{1,4}_\\d{1,4}', extension),
    examples: [{ path: 'Img_2010-08-10/Snap_103130_021_1.jpg', start: '2010-08-10 10:31:30' }],
  },
  {
    row: 19,
    maker: 'Brickcom',
    pattern: row(start, day, '-', clock, '-(?<endTime>\\d{6})_[^/]*$'),
    examples: [
      {
        path: '20140509-000500-001000_192.168.1.11-CH2',
        start: '2014-05-09 00:05:00',
        end: '2014-05-09 00:10:00',
      },
    ],
  },
  {
    row: 20,
    maker: 'anything else, separated',
    pattern: row(
      '(?<!\\d)(?<date>\\d{4}[-_.]\\d\\d[-_.]\\d\\d)[-_T @](?<time>\\d\\d[-_.:]\\d\\d[-_.:]\\d\\d)',
      '(?!\\d)(?<utc>Z)?[^/]*$',
    ),
    isGuess: true,
    examples: [
      { path: '2025-12-29_21-04-21.jpg', start: '2025-12-29 21:04:21' },
      { path: 'snap 2025-12-29T21:04:21+1.jpg', start: '2025-12-29 21:04:21' },
      { path: '2025-13-29_21-04-21.jpg', start: 'invalid' },
    ],
  },
  {
    row: 20,
    maker: 'anything else, in one',
    pattern: row('(?<!\\d)', day, '[-_T]?', clock, '(?!\\d)(?<utc>Z)?[^/]*$'),
    isGuess: true,
    examples: [
      { path: '20251229T210421', start: '2025-12-29 21:04:21' },
      { path: 'video20251229_210421(1).mov', start: '2025-12-29 21:04:21' },
    ],
  },
  {
    row: 20,
    maker: 'anything else, Unix time',
    pattern: row('(?<!\\d)(?<unix>[1-9]\\d{9})(?!\\d)[^/]*$'),
    isGuess: true,
    examples: [{ path: 'motion-1767042261.mp4', start: '2025-12-29 21:04:21' }],
  },
];

/** Letter case never matters: some firmware writes `MDAlarm`, some `MDalarm`, some `.MP4`. */
function row(...parts: string[]): RegExp {
  return new RegExp(parts.join(''), 'i');
}
