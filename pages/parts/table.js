// The table behind a chart, made of the same rows as its CSV file.

const MOST_ROWS = 25; // of a curve; the file has every point
const MOST_LINES = 500;

const figures = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 });
const spelled = (value) => (Number.isFinite(value)
  ? figures.format(value).replace('-', '−') : value ?? '');

// A row for each x and a column for each arm where the arms share their x, else a row for each.
function tableOf(rows, title, note, xname) {
  const kinds = new Set(rows.map(kindOf));
  const by = (row) => (kinds.size === 1 ? row[0] : `${row[0]}, ${kindOf(row)}`);
  const columns = [...new Set(rows.map(by))];
  const places = [...new Set(rows.map((row) => row[2] ?? MEAN))].sort((a, b) => a - b);
  const longest = Math.max(0, ...columns.map((one) => rows.filter((row) => by(row) === one).length));
  return longest > 1 && places.length < 1.5 * longest
    ? wide(rows, by, columns, places, title, note, xname)
    : long(rows, title, note, xname);
}

// "mean difference" is of the same kind as the differences of the seeds, and has no x of its own.
const MEAN = Infinity;
const kindOf = ([, kind]) => kind.replace(/^mean (?=difference|main|interaction)/, '');

function wide(rows, by, columns, places, title, note, xname) {
  const cells = new Map(rows.map((row) => [`${row[2] ?? MEAN} ${by(row)}`, row]));
  const shown = spread(places);
  const less = shown.length < places.length
    ? ` ${shown.length} of ${places.length} points; the CSV file has all.` : '';
  const text = ([, , , y, low, high]) => (Number.isFinite(low)
    ? `${spelled(y)} (${spelled(low)} to ${spelled(high)})` : spelled(y));
  return [named(title, note, less), [xname, ...columns], shown.map((x) => [
    x === MEAN ? 'mean' : spelled(x),
    ...columns.map((one) => (cells.has(`${x} ${one}`) ? text(cells.get(`${x} ${one}`)) : ''))])];
}

function long(rows, title, note, xname) {
  const shown = rows.slice(0, MOST_LINES);
  const less = shown.length < rows.length
    ? ` The first ${shown.length} of ${rows.length} rows; the CSV file has all.` : '';
  return [named(title, note, less), ['arm', 'kind', xname, 'value', 'from', 'to'],
    shown.map((row) => row.map(spelled))];
}

const named = (title, note, less) => `${note ? `${title}: ${note}` : title}.${less}`;

function spread(places) {
  if (places.length <= MOST_ROWS) return places;
  const last = places.length - 1;
  return [...Array(MOST_ROWS).keys()].map((i) => places[Math.round(i * last / (MOST_ROWS - 1))]);
}

// Show it in the figure; the plot is hidden, so the page does not move.
function putTable(figure, [caption, head, body]) {
  const made = document.createElement('table');
  made.createCaption().textContent = caption;
  const put = (row, kind, text) => {
    const cell = document.createElement(kind);
    cell.textContent = text;
    if (kind === 'td' && /^[a-z]/i.test(text)) cell.className = 'words';
    row.append(cell);
    return cell;
  };
  const top = made.createTHead().insertRow();
  for (const one of head) put(top, 'th', one).scope = 'col';
  const rest = made.createTBody();
  for (const [first, ...others] of body) {
    const row = rest.insertRow();
    put(row, 'th', first).scope = 'row';
    for (const one of others) put(row, 'td', one);
  }
  const first = rest.rows[0]?.cells ?? [];
  [...top.cells].forEach((one, i) => {
    if (i === 0 || first[i]?.className) one.className = 'words';
  });
  let box = figure.querySelector('.tb-table');
  if (!box) {
    box = document.createElement('div');
    box.className = 'tb-table';
    box.tabIndex = 0; // it scrolls
    box.setAttribute('role', 'region');
    const plot = figure.querySelector('.tb-plot');
    if (plot) box.style.height = `${plot.clientHeight}px`;
    (plot ?? figure.lastElementChild).after(box);
  }
  box.setAttribute('aria-label', caption);
  const at = box.scrollTop;
  box.replaceChildren(made);
  box.scrollTop = at;
  figure.dataset.shown = 'table';
}

function hideTable(figure) {
  figure.querySelector('.tb-table')?.remove();
  delete figure.dataset.shown;
}
