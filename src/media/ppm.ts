export type Picture = Readonly<{
  width: number;
  height: number;
  /** Red, green, blue, one byte each, row by row. */
  pixels: Buffer;
}>;

const maxHeaderBytes = 32;

/**
 * The whole pictures at the start of a stream of binary PPM (`P6`) as ffmpeg writes it; an unfinished last one is left
 * out. Undefined when something else stands there, or a picture is larger than allowed: the writer may have been taken
 * over by what it decoded.
 */
export function parsePictures(
  stream: Buffer,
  limits: { maxWidth: number; maxHeight: number },
): readonly Picture[] | undefined {
  const pictures: Picture[] = [];
  let offset = 0;
  while (offset < stream.length) {
    const head = stream.toString('latin1', offset, offset + maxHeaderBytes);
    const match = /^P6\n([1-9]\d{0,4}) ([1-9]\d{0,4})\n255\n/.exec(head);
    if (match === null)
      return head.length < maxHeaderBytes && /^P?6?[\d \n]*$/.test(head) ? pictures : undefined;
    const [header, width, height] = [match[0], Number(match[1]), Number(match[2])];
    if (width > limits.maxWidth || height > limits.maxHeight) return undefined;
    const start = offset + header.length;
    const end = start + width * height * 3;
    if (end > stream.length) return pictures;
    pictures.push({ width, height, pixels: stream.subarray(start, end) });
    offset = end;
  }
  return pictures;
}
