const states = new WeakMap(); // by the component's element; forgotten when it is unmounted

// While runs go on they need the processor too, so drawing leaves four times its time to all else,
// and a chart of the second row is drawn again after seconds only.
const LEAVES = 4;
const SELDOM = 3_000;

export default function ({ parentElement: element, data: sent }) {
  let state = states.get(element);
  if (!state) {
    state = opened(element.querySelector('.tb-live'));
    states.set(element, state);
  }
  const text = new TextDecoder().decode(sent);
  if (text !== state.text) { // most updates of a page bring the charts as they are
    const data = JSON.parse(text);
    if (state.data?.id !== data.id) Object.assign(state, { memory: remembered(data.id), grown: {} });
    Object.assign(state, { text, data });
    draw(state);
  }
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
  const state = {
    root, part, cards: [], charts: new Map(), due: new Set(), inSight: new Set(), turn: 0,
    spokenAt: 0, rest: 0,
  };
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
  state.sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const id = target.parentElement?.dataset.chart;
      if (isIntersecting) state.inSight.add(id);
      else state.inSight.delete(id);
    }
    drawNext(state);
  }, { rootMargin: '200px' });
  document.addEventListener('visibilitychange', state.redraw);
  root.addEventListener('pointerdown', ({ target }) => {
    state.held = target.closest('.tb-plot') !== null;
  });
  root.addEventListener('fullscreenchange', state.redraw);
  window.addEventListener('pointerup', state.release);
  window.addEventListener('pointercancel', state.release);
  return state;
}

function closed(state) {
  state.unwatch();
  state.resized.disconnect();
  state.sight.disconnect();
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
  state.due = new Set(data.charts.map((chart) => chart.id));
  plotly().then((library) => {
    if (state.data !== data) return; // newer data will be drawn, or nothing any more
    state.library = library;
    part('empty').textContent = data.empty ?? '';
    drawNext(state);
  }, () => { part('empty').textContent = 'The charts need /plotly/plotly.min.js from this server.'; });
}

// One chart per task, so that the page answers in between: first what is in sight, then the rest
// when the browser has nothing else to do. While runs go on, the rest waits until it is seen.
function drawNext(state) {
  if (!state.library || state.waiting) return;
  const chart = nextChart(state);
  if (!chart) return;
  state.waiting = true;
  const running = state.data.state === 'running' && state.charts.get(chart.id).plot.data;
  const rest = running ? LEAVES * state.rest : 0;
  const soon = (act) => { state.timer = setTimeout(act, rest); };
  const idle = (act) => window.requestIdleCallback(act, { timeout: 1_000 });
  const later = state.inSight.has(chart.id) || !window.requestIdleCallback ? soon : idle;
  later(() => {
    state.waiting = false;
    const now = nextChart(state);
    if (!now) return;
    state.due.delete(now.id);
    const begun = performance.now();
    drawChart(state, state.library, now);
    state.charts.get(now.id).drawn = performance.now();
    state.rest = performance.now() - begun;
    drawNext(state);
  });
}

// What a person did is seen at once, also while the drawing rests.
function drawAtOnce(state) {
  clearTimeout(state.timer);
  Object.assign(state, { waiting: false, rest: 0 });
  for (const chart of state.charts.values()) chart.drawn = 0;
  draw(state);
}

function nextChart(state) {
  if (!state.data || state.held || document.hidden) return undefined;
  const due = state.data.charts.filter((chart) => state.due.has(chart.id));
  const again = (chart) => state.data.state === 'running' && state.charts.get(chart.id).plot.data;
  const early = (chart) => again(chart) && place(chart) === 'more'
    && performance.now() - state.charts.get(chart.id).drawn < SELDOM;
  return due.find((chart) => state.inSight.has(chart.id) && !early(chart))
    ?? due.find((chart) => !again(chart));
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
