import type { Container } from './sniff.ts';

/** Containers that hold media at all, each with the one ffmpeg demuxer that may open it. Never `image2`, which reads name patterns. */
const demuxers: Partial<Readonly<Record<Container, string>>> = {
  mp4: 'mov',
  mov: 'mov',
  matroska: 'matroska',
  avi: 'avi',
  mpegts: 'mpegts',
  dav: 'dhav',
  h264: 'h264',
  hevc: 'hevc',
  jpeg: 'jpeg_pipe',
  png: 'png_pipe',
};

const stills: ReadonlySet<Container> = new Set<Container>(['jpeg', 'png']);
/** Decoders that cameras need. The others are attack surface. */
const decoders =
  'h264,hevc,mjpeg,png,mpeg4,h263,aac,mp3,mp3float,mp2,mp2float,ac3,pcm_s16le,pcm_s16be,pcm_u8,pcm_alaw,pcm_mulaw,adpcm_g726,adpcm_g726le,adpcm_ima_wav';
/** The largest picture that is decoded: cameras reach 8K (33 megapixels). A bomb of 65,500 x 65,500 is refused unread. */
export const maxPixels = 64 * 1024 * 1024;

/** Whether a container can hold a picture or a video, and which it is when it is what it seems to be. */
export function kindOf(container: Container): 'video' | 'image' | 'other' {
  if (demuxers[container] === undefined) return 'other';
  return stills.has(container) ? 'image' : 'video';
}

/**
 * Options for ffmpeg or ffprobe, to stand before the input. The forced demuxer is the point: a text playlist under a
 * video's name would otherwise make ffmpeg open the files and addresses that are written in it.
 */
export function confiningOptions(container: Container): readonly string[] {
  const demuxer = demuxers[container];
  if (demuxer === undefined) throw new Error(`there is nothing to decode in ${container}`);
  return [
    ...['-protocol_whitelist', 'file,pipe', '-f', demuxer, '-format_whitelist', demuxer],
    ...['-codec_whitelist', decoders, '-max_pixels', String(maxPixels)],
    ...['-probesize', '5000000', '-analyzeduration', '5000000'],
  ];
}
