// The frames around the charts: title row in HTML, plot below, and the table behind it.

function drawFrames(state) {
  const { data, part } = state;
  for (const row of ['charts', 'more']) {
    const own = data.charts.filter((chart) => place(chart) === row);
    const columns = ['one', 'one', 'two', 'three'][Math.min(3, own.length)];
    part(row).dataset.columns = own[2]?.flat ? 'flat' : columns;
  }
  const wanted = new Set(data.charts.map((chart) => chart.id));
  for (const [id, { frame, plot }] of state.charts) {
    if (wanted.has(id)) continue;
    window.Plotly?.purge(plot);
    state.sight.unobserve(plot);
    frame.remove();
    state.charts.delete(id);
    state.inSight.delete(id);
  }
  for (const chart of data.charts) {
    const made = state.charts.get(chart.id) ?? frameOf(state, chart);
    const put = (name, text) => {
      const at = made.frame.querySelector(name);
      if (at.textContent !== text) at.textContent = text;
    };
    put('figcaption b', chart.title);
    put('figcaption span', chart.note);
    put('.tb-foot', chart.foot ?? '');
    made.plot.setAttribute('aria-label', chart.alt);
    if (made.frame.dataset.shown === 'table') showTable(state, chart.id);
  }
}

const place = (chart) => (chart.row === 2 ? 'more' : 'charts');

function frameOf(state, chart) {
  const frame = document.createElement('figure');
  frame.className = 'tb-chart';
  frame.dataset.chart = chart.id;
  frame.innerHTML = '<figcaption><b></b><span></span></figcaption><div class="tb-plot"></div>' +
    '<p class="tb-foot"></p>';
  const made = { frame, plot: frame.querySelector('.tb-plot') };
  made.plot.setAttribute('role', 'img');
  state.charts.set(chart.id, made);
  state.part(place(chart)).append(frame);
  state.resized.observe(made.plot);
  state.sight.observe(made.plot);
  const now = () => state.data.charts.find((one) => one.id === chart.id);
  const name = (ending) => fileName([state.data.name ?? '', now().title], ending);
  addMenu(frame, () => now().title, [
    { label: 'PNG', act: async () => {
      const { svg, width, height } = await pictureOf(state, now());
      save(name('png'), await pngOf(svg, width, height));
    } },
    { label: 'SVG', act: async () => save(name('svg'), svgFile((await pictureOf(state, now())).svg)) },
    { label: 'CSV', act: () => save(name('csv'), csvFile(rowsOf(state, now()), COLUMNS, thinned(now()))) },
    { label: 'Full screen', act: () => fullScreen(frame), when: () => document.fullscreenEnabled },
    { label: 'Table', checked: () => frame.dataset.shown === 'table', act: () => {
      if (frame.dataset.shown === 'table') hideTable(frame);
      else showTable(state, chart.id);
    } },
  ]);
  return made;
}

function showTable(state, id) {
  const chart = state.data.charts.find((one) => one.id === id);
  const rows = rowsOf(state, chart, { runs: Boolean(chart.scatter) });
  putTable(state.charts.get(id).frame, tableOf(rows, chart.title, chart.note, chart.xtitle));
}

// What a file says first if the screen needs fewer points than there are; else nothing.
function thinned(chart) {
  const most = Math.max(0, ...chart.lines.map((line) => line.of ?? 0));
  if (!most) return '';
  const shown = Math.max(...chart.lines.filter((line) => line.of).map((line) => line.y.length));
  return `# As drawn: up to ${shown} of the ${most} points of a line. Take away, CSV in the lab has all.`;
}

// The numbers of a chart: arm, kind, x, y, low, high. Arms that are hidden are left out.
function rowsOf(state, chart, { runs = true } = {}) {
  const { data, memory } = state;
  const names = { single: 'run', dot: 'run', run: 'unfinished run', raw: 'mean before smoothing',
    point: 'mean', level: 'baseline' };
  const rows = [], lows = new Map(), highs = new Map();
  for (const line of chart.lines) {
    const { arm, kind } = line, x = data.grids[line.x];
    if ((line.arms ?? [arm]).every((one) => memory.hidden.has(one))) continue;
    if (kind === 'low' || kind === 'high') {
      (kind === 'low' ? lows : highs).set(arm, line.y);
      continue;
    }
    if (kind === 'path' || (!runs && names[kind]?.endsWith('run'))) continue;
    const told = (i) => {
      const seed = line.seed ?? line.seeds?.[i];
      return seed === undefined ? names[kind] ?? kind : `${names[kind]}, seed ${seed}`;
    };
    const low = line.low ?? lows.get(arm), high = line.high ?? highs.get(arm);
    const banded = kind !== 'single' && kind !== 'run' && kind !== 'dot';
    x.forEach((at, i) => rows.push([line.name ?? data.arms[arm].name, told(i), at,
      line.y[i], banded ? low?.[i] : undefined, banded ? high?.[i] : undefined]));
    if (line.left) {
      x.forEach((at, i) => rows.push([data.arms[arm].name, chart.xtitle, at, undefined,
        line.left[i], line.right[i]]));
    }
    if (kind === 'raw') { lows.delete(arm); highs.delete(arm); }
  }
  return rows;
}

// A picture that explains itself: ground, names, what the band is and n, and whose line is whose.
async function pictureOf(state, chart) {
  const width = 960, height = 600, { theme, data } = state;
  state.theme = themeOf(state.root);
  const shape = layout(state, chart, 1.2);
  const keys = legendOf(state, chart, 1.2);
  const svg = await state.library.toImage({
    data: [...traces(state, chart, 1.2), ...keys],
    layout: {
      ...shape,
      width, height, autosize: false,
      margin: { l: 62, r: 26, t: 88, b: 110 },
      title: {
        text: `<b>${escaped(chart.title)}</b>`, x: 26 / width, xanchor: 'left', y: 0.955,
        yanchor: 'top', font: { ...shape.font, size: 21, color: theme.text },
        subtitle: { text: escaped([chart.note, data.name].filter(Boolean).join('. ')),
          font: { ...shape.font, size: 14 } },
      },
      ...withLegend(shape, theme),
    },
  }, { format: 'svg', width, height, imageDataOnly: true });
  return { svg, width, height };
}

const withLegend = (shape, theme) => ({
  showlegend: true,
  legend: { orientation: 'h', x: 0, xanchor: 'left', y: 0.01, yref: 'container', yanchor: 'bottom',
    itemclick: false, itemdoubleclick: false, font: { ...shape.font, color: theme.text }, bgcolor: 'rgba(0,0,0,0)' },
});

// The charts.

function drawChart(state, library, chart) {
  const { plot, frame } = state.charts.get(chart.id);
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
  const shape = layout(state, chart, scale);
  // The first drawing of a page takes long by itself: axes first, the lines in a task of their own.
  const first = !state.begun;
  const data = first ? [] : traces(state, chart, scale);
  if (first) state.due.add(chart.id);
  state.begun = true;
  if (document.fullscreenElement === frame) { // the cards are out of sight
    data.push(...legendOf(state, chart, scale));
    Object.assign(shape, withLegend(shape, state.theme));
    shape.margin = { ...shape.margin, b: 80 * scale };
  }
  const drawn = library.react(plot, data, shape, {
    displayModeBar: false, doubleClick: false, responsive: false, showTips: false,
  });
  drawn.catch((error) => { if (plot.isConnected) throw error; }); // purged before it was drawn
  if (plot.tbReady) return;
  plot.tbReady = true;
  plot.on('plotly_relayout', (event) => zoomed(state, chart.id, event));
  plot.on('plotly_doubleclick', () => unzoomed(state, chart.id));
}

function zoomed(state, id, event) {
  const zoom = { ...zoomOf(state, id), all: false, rev: state.data.rev };
  for (const axis of ['x', 'y']) {
    const range = event[`${axis}axis.range`] ?? [
      event[`${axis}axis.range[0]`], event[`${axis}axis.range[1]`],
    ];
    if (range.every((end) => end !== undefined)) zoom[axis] = [...range];
  }
  if (!zoom.x && !zoom.y) return;
  state.memory.zoom[id] = zoom;
  remember(state);
}

// Double-click: back to the first zoom; from there, everything; and back.
function unzoomed(state, id) {
  const away = Object.keys(zoomOf(state, id)).length > 0;
  if (away) delete state.memory.zoom[id];
  else state.memory.zoom[id] = { all: true, rev: state.data.rev };
  state.turn += 1;
  remember(state);
  state.held = false;
  drawAtOnce(state);
}

function zoomOf({ memory, data }, id) {
  const zoom = memory.zoom[id];
  return zoom?.rev === data.rev ? zoom : {}; // another axis, another zoom
}

// While runs go on a range only grows, so that no curve jumps at every point.
function grown(state, chart) {
  const { rev } = state.data;
  let { x, y } = chart;
  const before = state.grown[chart.id];
  if (state.data.state === 'running' && before?.rev === rev) {
    if (x && before.x) x = [x[0], Math.max(x[1], before.x[1])];
    if (y && before.y) y = [Math.min(y[0], before.y[0]), Math.max(y[1], before.y[1])];
  }
  state.grown[chart.id] = { rev, x: chart.x && x, y: chart.settled ? y : undefined };
  return { x, y };
}
