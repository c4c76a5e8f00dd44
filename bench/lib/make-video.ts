import { execFileSync } from 'node:child_process';

/** Ten seconds as a camera films them: 1080p, H.264, about 4 Mbit/s, a key frame every two seconds. */
export function makeVideo(file: string): void {
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=1920x1080:r=15:d=10', '-c:v', 'libx264'],
    ...['-preset', 'ultrafast', '-g', '30', '-pix_fmt', 'yuv420p', '-b:v', '4M', file],
  ]);
}
