// A chart as plotly wants it: its axes, and its lines in layers.

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
    hovermode: chart.scatter ? 'closest' : 'x unified',
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
      showspikes: !chart.scatter, spikethickness: 1, spikedash: 'solid', spikecolor: theme.border,
      ...(chart.ticks || chart.logx ? { tickmode: 'array', tickvals: chart.ticks ?? ROUND } : {}),
      ...ranged(zoom.all ? null : zoom.x ?? across(state.data.grids, chart, first.x)),
    },
    yaxis: {
      ...shared,
      type: chart.log ? 'log' : 'linear',
      gridcolor: theme.grid, gridwidth: 1, nticks: 7, exponentformat: 'power',
      ...(chart.zero ? { zeroline: true, zerolinecolor: theme.quiet, zerolinewidth: 1.5 * scale } : {}),
      ...ranged(zoom.all ? null : zoom.y ?? upright(chart, first.y)),
    },
  };
}

// 1, 2, 5, 10 ...: where a logarithmic step axis has its labels.
const ROUND = [...Array(12).keys()].flatMap((i) => [1, 2, 5].map((one) => one * 10 ** (i - 4)));

const ranged = (range) => (range ? { range: [...range], autorange: false } : { autorange: true });

function across(grids, chart, range) {
  if (chart.spread) return chart.logx ? chart.spread.map(Math.log10) : chart.spread;
  if (!range) return chart.lines.length ? null : [0, 1];
  if (!chart.logx) return range;
  const first = starts(grids);
  let least = Infinity;
  for (const { y, x } of chart.lines) if (y.length) least = Math.min(least, first[x] ?? Infinity);
  return Number.isFinite(least) ? [Math.log10(least), Math.log10(range[1])] : null;
}

function upright(chart, range) {
  if (range || chart.log) return range ?? null;
  if (!chart.lines.length) return chart.zero ? [-1, 1] : [0, 2.5];
  if (chart.id !== 'rate') return null;
  const top = Math.max(0, ...chart.lines.flatMap((line) => line.y));
  return top > 0 ? [0, 1.12 * top] : null;
}

let smallest = [], measured;

// Of each grid, the smallest position above zero: where a log axis can start.
function starts(grids) {
  if (measured !== grids) {
    smallest = grids.map((grid) => Math.min(...grid.filter((one) => one > 0)));
    measured = grids;
  }
  return smallest;
}

function traces(state, chart, scale) {
  const { data, theme, memory } = state;
  const layers = {
    single: [], run: [], band: [], dot: [], path: [], level: [], raw: [], rate: [], mean: [], end: [],
  };
  const joined = new Map(); // all single runs of an arm are one trace, with gaps
  const lows = new Map(), ends = new Map(); // an end per arm, all of them one trace
  for (const line of chart.lines) {
    const arm = data.arms[line.arm], x = data.grids[line.x], color = theme.arms[arm.slot];
    const dash = arm.dashed ? 'dash' : 'solid';
    const owners = line.arms ?? [line.arm];
    const base = {
      type: 'scatter', mode: 'lines', hoverinfo: 'skip', x, y: line.y, name: escaped(arm.name),
      showlegend: false,
      uid: `${line.kind}-${line.arm}`, visible: owners.some((one) => !memory.hidden.has(one)),
    };
    const stroke = (width, more) => ({ color, width: width * scale, dash, ...more });
    switch (line.kind) {
      case 'single':
      case 'run': {
        const one = joined.get(base.uid);
        if (one) {
          append(one.x, x);
          append(one.y, line.y);
          break;
        }
        const thin = line.kind === 'single';
        Object.assign(base, { x: [...x], y: [...line.y] });
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
        if (!line.ink) ends.set(base, { arm, color });
        break;
      case 'dot':
        layers.dot.push({ ...base, mode: 'markers', hoverinfo: 'all', opacity: 0.4,
          hovertemplate: `${chart.hover}<extra>${base.name}, one run</extra>`,
          marker: { symbol: arm.symbol, size: 6 * scale, color } });
        break;
      case 'point':
        layers.end.push({ ...base, ...sign(arm.symbol, color, theme, scale), hoverinfo: 'all',
          hovertemplate: `${chart.hover}<extra>${base.name}, mean</extra>`,
          error_y: whisker(line.y, line.low, line.high, color, scale),
          error_x: whisker(x, line.left, line.right, color, scale) });
        break;
      case 'path':
        layers.path.push({ ...base, line: { color: theme.quiet, width: 1.5 * scale } });
        break;
      case 'level':
        layers.level.push({ ...base, line: stroke(2) });
        break;
      default:
        layers.mean.push({ ...base, hoverinfo: 'all', line: stroke(2.5),
          hovertemplate: `${chart.hover}<extra>${base.name}</extra>` });
        ends.set(base, { arm, color });
    }
  }
  const seen = [...ends].filter(([{ x, visible }]) => visible && x.length);
  if (seen.length) {
    const told = seen.map(([, one]) => one);
    layers.end.push({
      type: 'scatter', hoverinfo: 'skip', showlegend: false, uid: 'ends',
      x: seen.map(([{ x }]) => x.at(-1)), y: seen.map(([{ y }]) => y.at(-1)),
      ...sign(told.map(({ arm }) => arm.symbol), told.map(({ color }) => color), theme, scale),
    });
  }
  return Object.values(layers).flat();
}

function append(line, more) {
  line.push(null);
  for (const one of more) line.push(one);
}

// Of one arm, or lists of several.
function sign(symbol, color, theme, scale) {
  return { mode: 'markers', cliponaxis: false,
    marker: { symbol, size: 9 * scale, color, line: { width: 1.5 * scale, color: theme.paper } } };
}

function whisker(middle, low, high, color, scale) {
  if (!low) return { visible: false };
  return { type: 'data', symmetric: false, color, thickness: 2.5 * scale, width: 0,
    array: high.map((one, i) => one - middle[i]),
    arrayminus: low.map((one, i) => middle[i] - one) };
}

// Whose line is whose, for a chart that stands alone: in a file, or on the whole screen.
function legendOf(state, chart, scale) {
  const { data, theme, memory } = state;
  const found = new Map();
  for (const { arm: i, arms, name, ink } of chart.lines) {
    if ((arms ?? [i]).every((one) => memory.hidden.has(one))) continue;
    const arm = data.arms[i], color = ink ? theme.text : theme.arms[arm.slot];
    found.set(name ?? arm.name, {
      type: 'scatter', mode: ink ? 'lines' : 'lines+markers', x: [null], y: [null],
      name: escaped(name ?? arm.name), showlegend: true, hoverinfo: 'skip', uid: `key-${i}`,
      line: { color, width: 2.5 * scale, dash: arm.dashed && !ink ? 'dash' : 'solid' },
      marker: { symbol: arm.symbol, size: 9 * scale, color },
    });
  }
  return [...found.values()];
}

// plotly reads tags, and templates such as %{y}.
const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  .replace(/%(?=\{)/g, '&#37;');
