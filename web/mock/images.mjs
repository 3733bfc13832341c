/** Synthetic pictures in the shape of DICOM JSON (PS3.18 Annex F) and frames: a head of ellipses, a chest, a beating heart. */

import { png } from './png.mjs';
import { uid } from './people.mjs';

export const EXPLICIT = '1.2.840.10008.1.2.1';
const el = (vr, ...Value) => ({ vr, Value });

/** The series of one study as the mock knows them. */
export function seriesOf(study) {
  const [modality] = study.modalities;
  const base = { body_part: '', date: study.date, time: study.time, modality };
  if (modality === 'CT') {
    const list = [{ ...base, uid: uid(study.number, 1), series_number: '1', description: 'Axial 3 mm Weichteil', body_part: 'HEAD', instances: 48 }];
    if (study.series > 1) list.push({ ...base, uid: uid(study.number, 2), series_number: '2', description: 'Axial 5 mm Knochen', body_part: 'HEAD', instances: 12 });
    return list;
  }
  if (modality === 'US') return [{ ...base, uid: uid(study.number, 1), series_number: '1', description: 'Vierkammerblick', body_part: 'HEART', instances: 1 }];
  if (modality === 'MR') {
    return ['T1 sag', 'T2 ax', 'FLAIR cor'].map((description, index) => ({ ...base, uid: uid(study.number, index + 1), series_number: String(index + 1), description, instances: 20 }));
  }
  return [{ ...base, uid: uid(study.number, 1), series_number: '1', description: study.description, body_part: 'CHEST', instances: Math.min(study.instances, 2) }];
}

export function instancesOf(study, series) {
  return Array.from({ length: series.instances }, (_, index) => metadata(study, series, index));
}

const SIZE = 192;

function metadata(study, series, index) {
  const { modality } = series;
  const chest = modality === 'DX' || modality === 'MG' || modality === 'XA';
  const rows = chest ? 512 : SIZE;
  const spacing = series.series_number === '2' ? 5 : 3;
  const dataset = {
    '00080005': el('CS', 'ISO_IR 192'),
    '00080016': el('UI', modality === 'US' ? '1.2.840.10008.5.1.4.1.1.3.1' : modality === 'CT' ? '1.2.840.10008.5.1.4.1.1.2' : '1.2.840.10008.5.1.4.1.1.1.1'),
    '00080018': el('UI', `${series.uid}.${index + 1}`),
    '00080020': el('DA', study.date),
    '00080060': el('CS', modality),
    '00083002': el('UI', EXPLICIT),
    '0008103E': el('LO', series.description),
    '00100010': el('PN', { Alphabetic: study.patient.name }),
    '00100020': el('LO', study.patient.id),
    '0020000D': el('UI', study.uid),
    '0020000E': el('UI', series.uid),
    '00200011': el('IS', Number(series.series_number)),
    '00200013': el('IS', index + 1),
    '00280002': el('US', 1),
    '00280004': el('CS', 'MONOCHROME2'),
    '00280010': el('US', rows),
    '00280011': el('US', rows),
    '00280100': el('US', modality === 'US' ? 8 : 16),
    '00280101': el('US', modality === 'US' ? 8 : chest ? 12 : 16),
    '00280102': el('US', modality === 'US' ? 7 : chest ? 11 : 15),
    '00280103': el('US', modality === 'CT' ? 1 : 0),
  };
  if (modality === 'US') {
    dataset['00280008'] = el('IS', 24);
    dataset['00181063'] = el('DS', 40);
  } else if (modality === 'CT' || modality === 'MR') {
    Object.assign(dataset, {
      '00180050': el('DS', spacing),
      '00200032': el('DS', -115, -140, index * spacing - 70),
      '00200037': el('DS', 1, 0, 0, 0, 1, 0),
      '00200052': el('UI', uid(study.patient.number, 99)),
      '00280030': el('DS', 1.2, 1.2),
      '00281050': el('DS', modality === 'CT' ? 40 : 500),
      '00281051': el('DS', modality === 'CT' ? 80 : 1000),
      '00281052': el('DS', 0),
      '00281053': el('DS', 1),
    });
  } else {
    Object.assign(dataset, { '00181164': el('DS', 0.7, 0.7), '00200020': el('CS', 'L', 'F'), '00281050': el('DS', 2048), '00281051': el('DS', 4096) });
  }
  return dataset;
}

/** One frame, little endian. */
export function frame(dataset, number) {
  const rows = dataset['00280010'].Value[0];
  const modality = dataset['00080060'].Value[0];
  if (modality === 'US') return Buffer.from(heart(rows, number));
  if (modality === 'CT' || modality === 'MR') return Buffer.from(head(rows, dataset['00200032'].Value[2], modality).buffer);
  return Buffer.from(chest(rows).buffer);
}

function head(size, z, modality) {
  const pixels = new Int16Array(size * size).fill(modality === 'CT' ? -1000 : 0);
  const shrink = Math.sqrt(Math.max(0, 1 - ((z - 5) / 95) ** 2));
  const noise = randomOf(Math.round(z * 10) + 5_000);
  const inside = (x, y, cx, cy, rx, ry) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const x = (column / size) * 2 - 1;
      const y = (row / size) * 2 - 1;
      let value = null;
      if (inside(x, y, 0, 0, 0.72 * shrink, 0.86 * shrink)) value = 45;
      if (inside(x, y, 0, 0, 0.68 * shrink, 0.82 * shrink)) value = 1100;
      if (inside(x, y, 0, 0, 0.6 * shrink, 0.74 * shrink)) value = 36 + 5 * Math.sin(14 * x + z / 9) * Math.cos(12 * y);
      if (Math.abs(z) < 32 && (inside(x, y, -0.14, -0.08, 0.07, 0.26) || inside(x, y, 0.14, -0.08, 0.07, 0.26))) value = 6;
      if (z < -20 && (inside(x, y, -0.24, -0.56, 0.14, 0.13) || inside(x, y, 0.24, -0.56, 0.14, 0.13))) value = -4;
      if (z < -30 && inside(x, y, 0, -0.62, 0.09, 0.16)) value = -950;
      if (Math.abs(z - 18) < 14 && inside(x, y, 0.33, 0.16, 0.1, 0.12)) value = 68;
      if (value === null) continue;
      value += (noise() - 0.5) * 14;
      pixels[row * size + column] = modality === 'CT' ? value : Math.max(0, value > 900 ? 30 : 380 + value * 9);
    }
  }
  return pixels;
}

function chest(size) {
  const pixels = new Uint16Array(size * size);
  const noise = randomOf(7);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const x = (column / size) * 2 - 1;
      const y = (row / size) * 2 - 1;
      const body = Math.max(0, 1 - Math.abs(x) ** 3) * 2600;
      const lung = Math.max(0, 1 - ((Math.abs(x) - 0.42) / 0.3) ** 2 - ((y + 0.05) / 0.72) ** 2);
      const spine = Math.max(0, 1 - (x / 0.12) ** 2) * 900;
      const ribs = lung > 0 ? Math.max(0, Math.sin((y - Math.abs(x) * 0.5) * 32)) * 320 : 0;
      const heart_ = Math.max(0, 1 - ((x - 0.16) / 0.3) ** 2 - ((y - 0.3) / 0.28) ** 2) * 1500;
      pixels[row * size + column] = Math.min(4095, Math.max(0, 300 + body - lung * 1900 + spine + ribs + heart_ + noise() * 60));
    }
  }
  return pixels;
}

function heart(size, number) {
  const pixels = new Uint8Array(size * size);
  const noise = randomOf(number + 11);
  const beat = 1 + 0.16 * Math.sin((number / 24) * Math.PI * 2);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const x = column / size - 0.5;
      const y = row / size;
      if (y < 0.04 || Math.abs(Math.atan2(x, y)) > 0.62 || Math.hypot(x, y) > 0.96) continue;
      const chambers = [[-0.1, 0.42], [0.11, 0.45], [-0.08, 0.68], [0.1, 0.7]];
      const hollow = chambers.some(([cx, cy]) => ((x - cx) / (0.075 * beat)) ** 2 + ((y - cy) / (0.11 * beat)) ** 2 < 1);
      pixels[row * size + column] = Math.min(255, (hollow ? 18 : 110) * (0.5 + noise()) * (1.1 - y * 0.5));
    }
  }
  return pixels;
}

/** A picture of one frame as `rendered` and `thumbnail` give it. */
export function picture(dataset, number, window) {
  const size = dataset['00280010'].Value[0];
  const bytes = frame(dataset, number);
  if (dataset['00280100'].Value[0] === 8) return png(size, size, new Uint8Array(bytes));
  const signed = dataset['00280103'].Value[0] === 1;
  const centre = window?.centre ?? dataset['00281050'].Value[0];
  const width = window?.width ?? dataset['00281051'].Value[0];
  const out = new Uint8Array(size * size);
  for (let index = 0; index < out.length; index += 1) {
    const value = signed ? bytes.readInt16LE(index * 2) : bytes.readUInt16LE(index * 2);
    out[index] = Math.max(0, Math.min(255, ((value - (centre - width / 2)) / width) * 255));
  }
  return png(size, size, out);
}

function randomOf(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
