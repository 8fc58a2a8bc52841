import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads a vector file of this folder. The caller declares its shape; the files do not change. */
export function readVectors<Shape>(fileName: string): Shape {
  return JSON.parse(readFileSync(join(__dirname, fileName), 'utf8')) as Shape;
}
