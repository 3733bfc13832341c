/** A study of DICOM files from a folder, so that the viewer meets real transfer syntaxes in development. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import dicomParser from 'dicom-parser';
import { patientOf } from './people.mjs';

const TEXT = { '00080016': 'UI', '00080018': 'UI', '00080060': 'CS', '0008103e': 'LO', '0020000d': 'UI', '0020000e': 'UI', '00280004': 'CS', '00200020': 'CS', '00200052': 'UI' };
const DECIMAL = ['00181063', '00180050', '00200032', '00200037', '00280030', '00181164', '00281050', '00281051', '00281052', '00281053', '00280008', '00200013', '00200011'];
const SHORT = ['00280002', '00280006', '00280010', '00280011', '00280100', '00280101', '00280102', '00280103'];

export async function filesStudy(folder) {
  if (!folder) return null;
  const parsed = [];
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    try {
      const bytes = await readFile(join(folder, name));
      parsed.push(read(dicomParser.parseDicom(bytes), bytes));
    } catch {
      // a folder, or no DICOM
    }
  }
  const instances = parsed.filter((item) => item.source.elements.x7fe00010 && item.dataset['0020000E']);
  const uids = [...new Set(instances.map((item) => item.dataset['0020000E'].Value[0]))];
  const series = uids.map((uid, index) => {
    const own = instances.filter((item) => item.dataset['0020000E'].Value[0] === uid);
    const modality = own[0].dataset['00080060']?.Value[0] ?? 'OT';
    return { uid, modality, series_number: String(index + 1), description: own[0].dataset['0008103E']?.Value[0] ?? '', body_part: '', date: '', time: '', instances: own.length };
  });
  const study = {
    number: 50_000, patient: { ...patientOf(0), number: 77, name: 'Files^From^A^^Folder' }, uid: '2.25.50000', date: '29990101', time: '', accession_number: '', id: '', description: 'Files from a folder',
    referring_physician: '', modalities: [...new Set(series.map((row) => row.modality))], sop_classes: [], series: series.length, instances: instances.length, conflict: false, cold: false,
  };
  return {
    study, series,
    instances: (row) => instances.map((item) => item.dataset).filter((dataset) => dataset['0020000E'].Value[0] === row.uid),
    frame(dataset, number) {
      const item = instances.find((candidate) => candidate.dataset === dataset);
      return { transferSyntax: item.transferSyntax, data: frameOf(item, number) };
    },
  };
}

function read(source, bytes) {
  const dataset = {};
  const put = (tag, vr, Value) => (dataset[tag.toUpperCase()] = { vr, Value });
  for (const [tag, vr] of Object.entries(TEXT)) {
    const value = source.string(`x${tag}`);
    if (value !== undefined) put(tag, vr, value.split('\\'));
  }
  for (const tag of DECIMAL) {
    const value = source.string(`x${tag}`);
    if (value) put(tag, 'DS', value.split('\\').map(Number));
  }
  for (const tag of SHORT) {
    const value = source.uint16(`x${tag}`);
    if (value !== undefined) put(tag, 'US', [value]);
  }
  for (const tag of ['00281101', '00281102', '00281103']) {
    if (source.elements[`x${tag}`]) put(tag, 'US', [0, 1, 2].map((index) => source.uint16(`x${tag}`, index)));
  }
  for (const tag of ['00281201', '00281202', '00281203']) {
    const element = source.elements[`x${tag}`];
    if (element) dataset[tag] = { vr: 'OW', InlineBinary: Buffer.from(bytes.subarray(element.dataOffset, element.dataOffset + element.length)).toString('base64') };
  }
  const transferSyntax = source.string('x00020010');
  put('00083002', 'UI', [transferSyntax]);
  return { source, bytes, dataset, transferSyntax };
}

function frameOf({ source, bytes, dataset }, number) {
  const pixels = source.elements.x7fe00010;
  const frames = dataset['00280008']?.Value[0] ?? 1;
  if (pixels.encapsulatedPixelData) {
    if (frames === 1) return Buffer.concat(pixels.fragments.map((part) => bytes.subarray(part.position, part.position + part.length)));
    return Buffer.from(pixels.basicOffsetTable.length ? dicomParser.readEncapsulatedImageFrame(source, pixels, number - 1) : dicomParser.readEncapsulatedPixelDataFromFragments(source, pixels, number - 1));
  }
  const length = Math.floor(pixels.length / frames);
  return bytes.subarray(pixels.dataOffset + (number - 1) * length, pixels.dataOffset + number * length);
}
