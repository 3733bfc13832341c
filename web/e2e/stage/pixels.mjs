/** What stands on a picture, in numbers: whether it is blank, how bright, how many grey values. */

/** Of the canvas in a pane of the viewer, at the screen's own size. */
export function ofPane(page, number = 1) {
  return page.getByRole('group', { name: new RegExp(`^(Pane|Feld) ${number}$`) }).locator('canvas').first().evaluate(statistics);
}

/** Of an image element. */
export function ofImage(locator) {
  return locator.evaluate(statistics);
}

function statistics(source) {
  const width = source.naturalWidth ?? source.width;
  const height = source.naturalHeight ?? source.height;
  const copy = new OffscreenCanvas(width, height);
  const context = copy.getContext('2d');
  context.drawImage(source, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const seen = new Set();
  let [sum, squares, mark] = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    const grey = Math.round((data[at] + data[at + 1] + data[at + 2]) / 3);
    seen.add(grey);
    sum += grey;
    squares += grey * grey;
    // changes with any pixel and its place
    mark = (Math.imul(mark, 31) + (data[at] | (data[at + 1] << 8) | (data[at + 2] << 16))) | 0;
  }
  const pixels = data.length / 4;
  const mean = sum / pixels;
  return { width, height, mean, deviation: Math.sqrt(squares / pixels - mean * mean), distinct: seen.size, mark };
}
