// Pixels to JPEG by sharp, which is loaded with the first picture: a daemon that files none is a tenth smaller without it.

import type { Picture } from './ppm.ts';

/** `quality`: 1 to 100. */
export async function encodeJpeg({ pixels, width, height }: Picture, quality: number): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  // One picture at a time, nothing kept, and no loader at all: libvips reads many formats with as many libraries.
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}
