const latest = new WeakMap(); // by the component's element: what is to be drawn

export default function ({ parentElement: element, data }) {
  const root = element.querySelector('.tb-still');
  latest.set(element, data);
  root.style.height = `${data.height}px`;
  root.setAttribute('aria-label', data.alt);
  const config = { displayModeBar: false, responsive: true, showTips: false };
  const draw = () => plotly().then(
    (library) => {
      if (latest.get(element) !== data) return;
      const figure = JSON.parse(data.figure);
      library.react(root, figure.data, figure.layout, config);
    },
    () => { root.textContent = 'The chart needs /plotly/plotly.min.js from this server.'; },
  );
  if (window.Plotly) draw();
  else setTimeout(() => { // the page first; but one that is never idle must not wait for ever
    if (window.requestIdleCallback) window.requestIdleCallback(draw, { timeout: 1_500 });
    else draw();
  }, 1_500);
  return () => setTimeout(() => {
    if (element.isConnected || latest.get(element) !== data) return;
    latest.delete(element);
    window.Plotly?.purge(root);
  });
}
