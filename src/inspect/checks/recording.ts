import { type Check, fail, pass, skip, warn } from '../check.ts';
import { listed } from '../listed.ts';
import { isWanted, type RecordedCamera, recordingAlarms, recordingFacts } from '../recording.ts';

/** Whether the cameras that should be recorded are. */
export function recording(
  cameras: () => readonly RecordedCamera[],
  /** As of the moment of the question. */
  sources: () => Parameters<typeof recordingAlarms>[1],
): Check {
  return {
    name: 'recording',
    run() {
      const withStream = cameras().filter(({ rtspUrl }) => rtspUrl !== null);
      if (withStream.length === 0) return skip('no camera has a stream: clipward camera set NAME --rtsp URL');
      const asked = sources();
      const wanted = withStream.filter(camera => isWanted(camera, asked));
      const alarms = recordingAlarms(wanted, asked);
      if (alarms.length > 0 && !asked.isRecorderRunning)
        return warn(alarms.join(' '), 'Start it: clipward serve; until then nothing is recorded.');
      if (alarms.length > 0)
        return fail(alarms.join(' '), 'docs/troubleshooting.md says more, under camera is not recorded.');
      const missing = wanted.flatMap(camera => {
        const { recording, gap } = recordingFacts(camera, asked);
        return recording ? [] : [`${camera.name} (${gap?.reason ?? 'unknown'})`];
      });
      if (missing.length > 0)
        return warn(
          `not recorded at this moment, for less than a minute: ${listed(missing)}`,
          'It is tried again by itself; look again in a minute.',
        );
      return pass(
        wanted.length === 0
          ? 'no camera is to be recorded at this moment'
          : `all cameras that should be recorded now are (${wanted.length})`,
      );
    },
  };
}
