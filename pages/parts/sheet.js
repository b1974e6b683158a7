const sheets = new WeakMap();

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector('.tb-sheet-root');
  sheets.get(root)?.stop();
  // What somebody has opened stays open as long as the words are the same.
  if (sheets.get(root)?.html !== data.html) {
    root.innerHTML = data.html;
    for (const figure of root.querySelectorAll('figure')) sheetMenu(figure, data.name ?? '');
  }
  painted(root);
  const stop = onTheme(root, () => painted(root));
  sheets.set(root, { stop, html: data.html });
  return () => setTimeout(() => { if (!root.isConnected) stop(); });
}

// The numbers of a figure stand in data-rows, or they are its own table.
function sheetMenu(figure, experiment) {
  const words = (at) => figure.querySelector(`figcaption ${at}`)?.textContent ?? '';
  const title = figure.dataset.title ?? words('b');
  const rows = figure.dataset.rows ? JSON.parse(figure.dataset.rows) : null;
  const own = figure.querySelector('table');
  if (!rows && !own) return;
  const name = (ending) => fileName([experiment, title], ending);
  addMenu(figure, () => title, [
    { label: 'PNG', act: async () => {
      const { svg, width, height } = pictured(figure, experiment);
      save(name('png'), await pngOf(svg, width, height));
    } },
    { label: 'SVG', act: () => save(name('svg'), svgFile(pictured(figure, experiment).svg)) },
    { label: 'CSV', act: () => save(name('csv'), rows ? csvFile(rows) : csvFile(...cellsOf(own))) },
    { label: 'Full screen', act: () => fullScreen(figure), when: () => document.fullscreenEnabled },
    { label: 'Table', checked: () => figure.dataset.shown === 'table', when: () => rows, act: () => {
      if (figure.dataset.shown === 'table') hideTable(figure);
      else putTable(figure, tableOf(rows, title, words('span'), figure.dataset.x ?? 'x'));
    } },
  ]);
}

function cellsOf(table) {
  const cells = (row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, ' ')
    .trim().replace(/^−(?=\d)/, '-')); // a number that programs read
  const head = table.tHead ? cells(table.tHead.rows[0]) : [];
  return [[...table.tBodies].flatMap((body) => [...body.rows].map(cells)), head];
}
