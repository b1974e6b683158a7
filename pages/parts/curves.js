const states = new WeakMap(); // by the component's element; forgotten when it is unmounted

export default function ({ parentElement: element, data }) {
  let state = states.get(element);
  if (!state) {
    state = opened(element.querySelector('.tb-live'));
    states.set(element, state);
  }
  if (state.data?.id !== data.id) Object.assign(state, { memory: remembered(data.id), grown: {} });
  state.data = data;
  draw(state);
  // Streamlit cleans up after a call that was overtaken by the next one too, while the element
  // stays. So look whether it is really gone.
  return () => setTimeout(() => {
    if (element.isConnected || states.get(element) !== state) return;
    states.delete(element);
    closed(state);
  });
}

function opened(root) {
  const part = (name) => root.querySelector(`.tb-${name}`);
  const state = { root, part, cards: [], charts: new Map(), turn: 0, spokenAt: 0 };
  state.redraw = () => { if (state.data) draw(state); };
  state.release = () => {
    if (!state.held) return;
    state.held = false;
    setTimeout(state.redraw); // after plotly has taken the end of the drag
  };
  state.unwatch = onTheme(root, state.redraw);
  state.resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.clientWidth && target.data) window.Plotly?.Plots.resize(target);
    }
  });
  document.addEventListener('visibilitychange', state.redraw);
  part('charts').addEventListener('pointerdown', () => { state.held = true; });
  window.addEventListener('pointerup', state.release);
  window.addEventListener('pointercancel', state.release);
  return state;
}

function closed(state) {
  state.unwatch();
  state.resized.disconnect();
  document.removeEventListener('visibilitychange', state.redraw);
  window.removeEventListener('pointerup', state.release);
  window.removeEventListener('pointercancel', state.release);
  for (const { plot } of state.charts.values()) window.Plotly?.purge(plot);
  state.data = undefined;
}

// Hidden arms and zoom of an experiment, for this tab: they outlive a remount and a reload.
function remembered(id) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(`trickboard ${id}`) ?? '{}');
    return { hidden: new Set(kept.hidden), zoom: kept.zoom ?? {} };
  } catch {
    return { hidden: new Set(), zoom: {} };
  }
}

function remember({ data, memory: { hidden, zoom } }) {
  try {
    sessionStorage.setItem(`trickboard ${data.id}`, JSON.stringify({ hidden: [...hidden], zoom }));
  } catch (error) {
    console.warn('Hidden arms and zoom will not outlive this page:', error);
  }
}

function draw(state) {
  if (document.hidden || state.held) return; // drawn when seen again, or when the drag has ended
  const { data, part } = state;
  state.theme = painted(state.root);
  state.root.dataset.state = data.state;
  drawCards(state);
  drawFrames(state);
  part('rate').textContent = data.rate ?? '';
  part('note').textContent = data.note;
  say(state);
  plotly().then((library) => {
    if (state.data !== data) return; // newer data will be drawn, or nothing any more
    part('empty').textContent = data.empty ?? '';
    for (const chart of data.charts) drawChart(state, library, chart);
  }, () => { part('empty').textContent = 'The charts need /plotly/plotly.min.js from this server.'; });
}

// For screen readers: the progress at most every ten seconds, the verdict once. What was spoken
// goes away again: it stands on the page already.
function say(state) {
  const now = Date.now(), { said: text } = state.data;
  const due = state.data.state === 'done' || now - state.spokenAt > 10_000;
  if (!due || state.spoken === text) return;
  Object.assign(state, { spoken: text, spokenAt: now });
  const place = state.part('said');
  place.textContent = text;
  setTimeout(() => { if (state.spokenAt === now) place.textContent = ''; }, 2_000);
}

// The cards.

function drawCards(state) {
  const { data, part, memory } = state;
  if (state.cards.length !== data.arms.length) {
    state.cards = data.arms.map((_, i) => card(state, i));
    part('cards').replaceChildren(...state.cards);
  }
  data.arms.forEach((arm, i) => {
    const button = state.cards[i], shown = !memory.hidden.has(i);
    button.style.setProperty('--arm', `var(--arm-${arm.slot})`);
    button.setAttribute('aria-pressed', String(shown));
    button.setAttribute('aria-label', arm.label);
    button.title = shown ? 'Hide this arm; double-click for it alone' : 'Show this arm';
    const put = (name, text) => {
      const place = button.querySelector(`.tb-${name}`);
      if (place.textContent !== text) place.textContent = text;
    };
    const swatch = button.querySelector('.tb-swatch');
    if (!swatch.firstChild) swatch.innerHTML = arm.swatch;
    put('name', arm.name);
    put('value', arm.value);
    put('half', arm.half);
    put('n', arm.n);
    const dots = button.querySelector('.tb-dots');
    if (arm.count) { put('dots', arm.count); return; }
    const same = dots.children.length === arm.dots.length;
    if (!same) dots.replaceChildren(...arm.dots.map(() => document.createElement('i')));
    arm.dots.forEach(([kind, said], at) => {
      const dot = dots.children[at];
      if (dot.className !== kind) dot.className = kind;
      if (dot.title !== said) dot.title = said;
    });
  });
}

function card(state, i) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tb-card';
  button.innerHTML =
    '<span class="tb-swatch"></span><span class="tb-name"></span>' +
    '<span class="tb-number"><b class="tb-value"></b> <small class="tb-half"></small></span>' +
    '<span class="tb-dots" aria-hidden="true"></span><small class="tb-n"></small>';
  button.addEventListener('click', () => {
    if (!state.memory.hidden.delete(i)) state.memory.hidden.add(i);
    remember(state);
    draw(state);
  });
  button.addEventListener('dblclick', () => {
    const others = state.data.arms.map((_, at) => at).filter((at) => at !== i);
    const alone = others.every((at) => state.memory.hidden.has(at));
    state.memory.hidden = new Set(alone ? [] : others);
    remember(state);
    draw(state);
  });
  return button;
}

// The frames around the charts: title row in HTML, plot below.

function drawFrames(state) {
  const { data, part } = state;
  const flat = data.charts[2]?.flat;
  part('charts').dataset.columns = data.charts.length < 3 ? 'two' : flat ? 'flat' : 'three';
  const wanted = new Set(data.charts.map((chart) => chart.id));
  for (const [id, { frame, plot }] of state.charts) {
    if (wanted.has(id)) continue;
    window.Plotly?.purge(plot);
    frame.remove();
    state.charts.delete(id);
  }
  for (const chart of data.charts) {
    let made = state.charts.get(chart.id);
    if (!made) {
      const frame = document.createElement('figure');
      frame.className = 'tb-chart';
      frame.dataset.chart = chart.id;
      frame.innerHTML = '<figcaption><b></b><span></span></figcaption><div class="tb-plot"></div>';
      made = { frame, plot: frame.querySelector('.tb-plot') };
      made.plot.setAttribute('role', 'img');
      state.charts.set(chart.id, made);
      part('charts').append(frame);
      state.resized.observe(made.plot);
    }
    made.frame.querySelector('b').textContent = chart.title;
    made.frame.querySelector('span').textContent = chart.note;
    made.plot.setAttribute('aria-label', chart.alt);
  }
}

// The charts.

function drawChart(state, library, chart) {
  const { plot } = state.charts.get(chart.id);
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
  const drawn = library.react(plot, traces(state, chart, scale), layout(state, chart, scale), {
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
  draw(state);
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

function layout(state, chart, scale) {
  const { theme } = state;
  const zoom = zoomOf(state, chart.id), first = grown(state, chart);
  const font = { family: theme.font, size: 12.5 * scale, color: theme.quiet };
  const shared = { zeroline: false, tickfont: font, fixedrange: false };
  return {
    margin: { l: 38 * scale, r: 14, t: 8, b: 42 * scale },
    font,
    autosize: true,
    paper_bgcolor: theme.paper, // plotly puts it around the hover line; the page's own, so unseen
    plot_bgcolor: 'rgba(0,0,0,0)',
    showlegend: false,
    dragmode: 'zoom',
    hovermode: 'x unified',
    hoverlabel: { bgcolor: theme.hover, bordercolor: theme.border,
      font: { ...font, color: theme.text } },
    uirevision: `${state.data.rev} ${state.turn}`,
    xaxis: {
      ...shared,
      type: chart.logx ? 'log' : 'linear',
      title: { text: chart.xtitle, font, standoff: 6 },
      showgrid: false, showline: true, linecolor: theme.grid,
      ticks: 'outside', ticklen: 4, tickcolor: theme.grid, nticks: 8,
      unifiedhovertitle: { text: `${chart.xtitle} %{x:${chart.xtitle === 'step' ? ',d' : '.1~f'}}` },
      showspikes: true, spikethickness: 1, spikedash: 'solid', spikecolor: theme.border,
      ...(chart.logx ? { tickmode: 'array', tickvals: ROUND } : {}),
      ...ranged(zoom.all ? null : zoom.x ?? across(chart, first.x)),
    },
    yaxis: {
      ...shared,
      type: chart.log ? 'log' : 'linear',
      gridcolor: theme.grid, gridwidth: 1, nticks: 7, exponentformat: 'power',
      ...ranged(zoom.all ? null : zoom.y ?? upright(chart, first.y)),
    },
  };
}

// 1, 2, 5, 10 ...: where a logarithmic step axis has its labels.
const ROUND = [...Array(12).keys()].flatMap((i) => [1, 2, 5].map((one) => one * 10 ** (i - 4)));

const ranged = (range) => (range ? { range: [...range], autorange: false } : { autorange: true });

function across(chart, range) {
  if (!range) return chart.lines.length ? null : [0, 1];
  if (!chart.logx) return range;
  let least = Infinity;
  for (const { y, x } of chart.lines) if (y.length) least = Math.min(least, smallest[x] ?? Infinity);
  return Number.isFinite(least) ? [Math.log10(least), Math.log10(range[1])] : null;
}

function upright(chart, range) {
  if (range || chart.log) return range ?? null;
  const top = Math.max(0, ...chart.lines.flatMap((line) => line.y));
  if (chart.id === 'rate' && top > 0) return [0, 1.12 * top];
  return chart.lines.length ? null : [0, 2.5];
}

let smallest = []; // of each grid, the smallest position above zero: where a log axis can start

function traces(state, chart, scale) {
  const { data, theme, memory } = state;
  smallest = data.grids.map((grid) => Math.min(...grid.filter((one) => one > 0)));
  const layers = { single: [], run: [], band: [], raw: [], rate: [], mean: [], end: [] };
  const joined = new Map(); // all single runs of an arm are one trace, with gaps
  const lows = new Map();
  for (const line of chart.lines) {
    const arm = data.arms[line.arm], x = data.grids[line.x], color = theme.arms[arm.slot];
    const dash = arm.dashed ? 'dash' : 'solid';
    const owners = line.arms ?? [line.arm];
    const base = {
      type: 'scatter', mode: 'lines', hoverinfo: 'skip', x, y: line.y, name: escaped(arm.name),
      uid: `${line.kind}-${line.arm}`, visible: owners.some((one) => !memory.hidden.has(one)),
    };
    const stroke = (width, more) => ({ color, width: width * scale, dash, ...more });
    switch (line.kind) {
      case 'single':
      case 'run': {
        const one = joined.get(base.uid);
        if (one) {
          one.x = one.x.concat(null, x);
          one.y = one.y.concat(null, line.y);
          break;
        }
        const thin = line.kind === 'single';
        joined.set(base.uid, base);
        layers[line.kind].push(Object.assign(base, {
          opacity: thin ? 0.2 : 0.75, line: { color, width: (thin ? 1 : 1.25) * scale },
        }));
        break;
      }
      case 'low':
        lows.set(line.arm, line);
        break;
      case 'high': {
        const low = lows.get(line.arm);
        layers.band.push({ ...base, x: x.concat([...x].reverse()),
          y: line.y.concat([...low.y].reverse()), fill: 'toself', fillcolor: color,
          opacity: 0.16, line: { width: 0 } });
        break;
      }
      case 'raw':
        layers.raw.push({ ...base, opacity: 0.3, line: stroke(1.5) });
        break;
      case 'rate':
        layers.rate.push({ ...base, hoverinfo: 'all', line: stroke(2.25, line.ink
          ? { color: theme.text, dash: 'solid' } : {}),
          hovertemplate: `${chart.hover}<extra>${escaped(line.name)}</extra>` });
        if (!line.ink) layers.end.push(end(base, arm, color, theme, scale));
        break;
      default:
        layers.mean.push({ ...base, hoverinfo: 'all', line: stroke(2.5),
          hovertemplate: `${chart.hover}<extra>${base.name}</extra>` });
        layers.end.push(end(base, arm, color, theme, scale));
    }
  }
  return Object.values(layers).flat();
}

function end({ x, y, name, visible, uid }, arm, color, theme, scale) {
  return {
    type: 'scatter', mode: 'markers', hoverinfo: 'skip', cliponaxis: false, name, visible,
    uid: `end-${uid}`, x: x.slice(-1), y: y.slice(-1),
    marker: { symbol: arm.symbol, size: 9 * scale, color,
      line: { width: 1.5 * scale, color: theme.paper } },
  };
}

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
